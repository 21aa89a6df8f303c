"""A start with wrong settings ends at once, with the right exit code and the setting's name."""

import socket
import subprocess

import harness

SECRET = f"a test {harness.TEST_SECRET}"
SERVICES = ("tiergate-ingress", "tiergate-entitlement", "tiergate-query")
USAGE, UNAVAILABLE, CONFIG = 64, 69, 78


class SettingsTest(harness.SystemTest):
    def run_program(self, program, *flags, **env):
        done = subprocess.run([self.stack.bin / program, *map(str, flags)], cwd=self.stack.dir, timeout=harness.READY_S,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=harness.clean_environment({f"TIERGATE_{k}": str(v) for k, v in env.items()}))
        self.assertNotIn(harness.TEST_SECRET[6:], done.stdout + done.stderr)
        return done

    def expect(self, code, text, program, *flags, **env):
        done = self.run_program(program, *flags, **env)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(text, done.stderr)

    def test_help_and_version(self):
        for program in SERVICES:
            done = self.run_program(program, "--help")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("--admin-listen", done.stdout)
            self.assertIn("TIERGATE_ADMIN_LISTEN", done.stdout)
            self.assertEqual(self.run_program(program, "--version").returncode, 0)

    def test_wrong_usage(self):
        for program in SERVICES:
            self.expect(USAGE, "--no-such-flag", program, "--no-such-flag", "1")
            self.expect(USAGE, "surprise", program, "surprise")

    def test_unknown_and_bad_values(self):
        for program in SERVICES:
            self.expect(CONFIG, "TIERGATE_LISTNE", program, LISTNE="1", WEBHOOK_SECRETS=SECRET)
            self.expect(CONFIG, "TIERGATE_LOG_LEVEL", program, LOG_LEVEL="loud", WEBHOOK_SECRETS=SECRET)
            self.expect(CONFIG, "--admin-listen", program, "--admin-listen", "nowhere", WEBHOOK_SECRETS=SECRET)
        self.expect(CONFIG, "TIERGATE_RETENTION", "tiergate-ingress", RETENTION="soon", WEBHOOK_SECRETS=SECRET)
        self.expect(CONFIG, "--map-size", "tiergate-ingress", "--map-size", "12", WEBHOOK_SECRETS=SECRET)
        self.expect(CONFIG, "TIERGATE_MODE", "tiergate-query", MODE="lvie")
        self.expect(CONFIG, "TIERGATE_JOURNALS", "tiergate-entitlement", JOURNALS="ipc://only-one")

    def test_secrets(self):
        self.expect(CONFIG, "WEBHOOK_SECRETS", "tiergate-ingress")
        self.expect(CONFIG, "WEBHOOK_SECRETS", "tiergate-ingress", WEBHOOK_SECRETS_FILE="/nonexistent/file")
        self.expect(CONFIG, "WEBHOOK_SECRETS", "tiergate-ingress", WEBHOOK_SECRETS_FILE=self.stack.secrets,
                    WEBHOOK_SECRETS=SECRET)
        for text in ("nonsense", f"a prod {harness.TEST_SECRET}", f"a test {harness.TEST_SECRET[6:]}", SECRET + "\n" + SECRET):
            self.expect(CONFIG, "line", "tiergate-ingress", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0",
                        WEBHOOK_SECRETS=text)

    def test_endpoints_beyond_this_machine_need_keys(self):
        for program, flag in (("tiergate-query", "--query-bind"), ("tiergate-query", "--feed-bind"),
                              ("tiergate-query", "--changes-pub"), ("tiergate-ingress", "--journal-pub"),
                              ("tiergate-ingress", "--journal-replay"), ("tiergate-entitlement", "--changes-pub"),
                              ("tiergate-entitlement", "--control"), ("tiergate-entitlement", "--journals"),
                              ("tiergate-reconciler", "--journal-replay"), ("tiergate-reconciler", "--reconciler")):
            for endpoint in ("tcp://0.0.0.0:7777", "tcp://*:7777", "tcp://192.0.2.1:7777", "tcp://[::]:7777"):
                value = f"{self.stack.ipc('pub')},{endpoint}" if flag == "--journals" else endpoint
                says = f"{flag}: '{endpoint}' is not loopback: that needs keys (CURVE_DIR; `tiergate keygen` makes them)"
                self.expect(CONFIG, says, program, flag, value, WEBHOOK_SECRETS=SECRET)
        self.expect(CONFIG, "TIERGATE_CONTROL: 'tcp://192.0.2.1:7' is not loopback", "tiergate-entitlement",
                    CONTROL=self.stack.ipc("control") + ";tcp://192.0.2.1:7")

    def test_bad_catalogs(self):
        large = self.stack.dir / "large.yaml"
        large.write_text("version: 1\ntiers:\n  - name: free\n#" + "x" * (1 << 20) + "\n")
        self.stack.catalog.write_text("version: 1\ntiers:\n  - name: free\n    fetures: [x]\n")
        for program in ("tiergate-entitlement", "tiergate-query"):
            self.expect(CONFIG, "tiers.yaml:4", program, "--catalog", self.stack.catalog, "--admin-listen", "127.0.0.1:0",
                        "--store-dir", "store")
            self.expect(CONFIG, "large.yaml: over 1048576 bytes", program, "--catalog", large, "--admin-listen", "127.0.0.1:0",
                        "--store-dir", "store")
            self.expect(CONFIG, "nowhere.yaml", program, "--catalog", "nowhere.yaml", "--admin-listen", "127.0.0.1:0",
                        "--store-dir", "store")

    def test_addresses_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            self.expect(UNAVAILABLE, address, "tiergate-ingress", "--listen", address, "--admin-listen", "127.0.0.1:0",
                        WEBHOOK_SECRETS=SECRET)
            self.expect(UNAVAILABLE, address, "tiergate-entitlement", "--admin-listen", address,
                        "--catalog", self.stack.catalog)

    def test_other_services_settings_are_fine(self):
        ingress = self.stack.ingress(env={"TIERGATE_MODE": "test", "TIERGATE_STORE_DIR": "x", "TIERGATE_LOG_FORMAT": "logfmt"})
        ingress.start()
        self.assertEqual(ingress.stop(), 0)


if __name__ == "__main__":
    harness.main()
