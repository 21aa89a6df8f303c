"""A cache as PROTOCOL.md has it: lines (2.6), and how they are kept (3.1). Nothing here shares code with the services."""

import wire

HEARTBEAT = b"\0"


def step_at(line, until, at):
    """The step that holds then, or None: the line says nothing."""
    steps = [step for step in line if step["from"] <= at]
    return steps[-1] if steps and (until is None or at < until) else None


def answer(step, tiers, feats, tier=None, feat=None):
    """What a check for that tier or feature answers while the step holds."""
    names = [t["name"] for t in tiers]

    def would_do(name):
        at = names.index(name)
        return at >= names.index(tier) if tier else feats.index(feat) in tiers[at]["feats"]

    granted = [name for name, _ in step["grants"]] or names[:1]
    allowed = would_do(step["tier"]) if tier else any(map(would_do, granted))
    result = {"allowed": allowed, "reason": step["reason"], "tier": step["tier"]}
    if allowed:
        return result
    if "blocked" in step and would_do(step["blocked"][0]):
        result["reason"] = step["blocked"][1]
    elif step["grants"]:
        result["reason"] = "tier_too_low" if tier else "feature_not_in_tier"
    need = next(filter(would_do, names), None)
    if need:
        result["need"] = need
    return result


class Cache:
    """Filled with everybody, and kept true by the feed."""

    def __init__(self, query, feed, page=7):
        self.query, self.lines, self.asked = query, {}, 0
        self.feed = wire.Subscriber(feed)
        while self.feed.receive(2000) is None:  # the subscription has arrived when a heartbeat has
            pass
        self.catalog = query.call("catalog")[0]
        self.epoch, self.ver, after = self.catalog["epoch"], None, ""
        while True:
            reply = query.call("page", after=after, max=page)[0]
            assert reply["cat"] == self.catalog["cat"] and len(reply["subjects"]) <= page, reply
            self.ver = reply["ver"] if self.ver is None else self.ver
            for subject in reply["subjects"]:
                assert subject["sub"] > after and subject["ver"] == reply["ver"], subject
                after = subject["sub"]
                self.keep(subject)
            if not reply["more"]:
                break
        self.catch_up()

    def close(self):
        self.feed.socket.close()

    def keep(self, change):
        """One of a page, of a since or of the feed."""
        known = self.lines.get(change["sub"])
        if known and known["ver"] > change["ver"]:
            return
        self.lines[change["sub"]] = change
        if "line" not in change:
            del self.lines[change["sub"]]

    def catch_up(self):
        while True:
            reply = self.query.since(self.ver, epoch=self.epoch)
            assert not reply["reset"] and reply["cat"] == self.catalog["cat"], reply
            for change in reply["changes"]:
                self.keep(change)
            self.ver = reply["ver"]
            if not reply["more"]:
                return

    def follow(self, ver):
        """Reads the feed until it has told of that version; True when there was a gap to close."""
        gaps = 0
        while self.ver < ver:
            topic, message = self.feed.receive()
            if topic != HEARTBEAT:
                assert message["sub"].encode() == topic
                if message["ver"] > self.ver:
                    self.keep(message)
                continue
            assert (message["epoch"], message["cat"]) == (self.epoch, self.catalog["cat"]), message
            told = max([self.ver] + [c["ver"] for c in self.lines.values()])
            gaps += message["ver"] > told
            self.catch_up()
        return gaps

    def check(self, subject, at, **what):
        """None: ask the server."""
        known = self.lines.get(subject)
        if not known:
            return None
        step = step_at(known["line"], known["line_until"], at)
        return step and answer(step, self.catalog["tiers"], self.catalog["feats"], **what)
