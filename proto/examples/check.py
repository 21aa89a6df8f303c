#!/usr/bin/env python3
"""May SUBJECT use FEATURE?   check.py tcp://127.0.0.1:8721 alice live_trading   (python3-zmq, python3-msgpack)
With - for SUBJECT: asks about each line of standard input."""
import sys

import msgpack
import zmq

endpoint, subject, feature = sys.argv[1:]
query = zmq.Context.instance().socket(zmq.REQ)
query.setsockopt(zmq.REQ_RELAXED, 1)  # may ask again when no answer came,
query.setsockopt(zmq.REQ_CORRELATE, 1)  # and takes no late one for the next
query.setsockopt(zmq.IMMEDIATE, 1)  # keeps nothing back for a server that is not there
query.setsockopt(zmq.SNDTIMEO, 1000)  # milliseconds; it waits for ever without them
query.setsockopt(zmq.RCVTIMEO, 1000)
query.setsockopt(zmq.LINGER, 0)
query.connect(endpoint)  # and again by itself, when the server was restarted


def may(subject, feature, tries=3):
    try:
        query.send_multipart([b"TG01", msgpack.packb({"op": "check", "id": 1, "sub": subject, "feat": feature})])
        answer = msgpack.unpackb(query.recv_multipart()[1])
    except zmq.Again:
        answer = {"err": {"code": "timeout", "msg": "no answer", "retry": True}}
    if "err" in answer and answer["err"]["retry"] and tries > 1:
        return may(subject, feature, tries - 1)
    return answer


for subject in map(str.strip, sys.stdin) if subject == "-" else [subject]:
    answer = may(subject, feature)
    if "err" in answer:  # never a yes
        print("error", answer["err"]["code"], answer["err"]["msg"], flush=True)
    else:
        print("allowed" if answer["allowed"] else "denied", answer["reason"], answer["tier"], flush=True)
