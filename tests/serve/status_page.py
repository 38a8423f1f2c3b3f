#!/usr/bin/env python3
"""The status page in headless Chromium: models, live latencies, the form, and names that are HTML.

    tests/serve/start status_page.py INGOT-SERVE FIXTURE.so [--screenshot FILE.png]
"""
import json
import shutil
import sys
import urllib.request

import harness

SCREENSHOT = None
if "--screenshot" in sys.argv:
    index = sys.argv.index("--screenshot")
    SCREENSHOT = sys.argv[index + 1]
    del sys.argv[index:index + 2]


class StatusPage(harness.ServeTest):
    def setUp(self):
        super().setUp()
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
        options = webdriver.ChromeOptions()
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                         "--window-size=1100,1000", f"--user-data-dir={self.root}/profile"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.browser = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
        self.addCleanup(self.browser.quit)

    def wait(self, what, condition):
        from selenium.webdriver.support.ui import WebDriverWait
        return WebDriverWait(self.browser, 20).until(lambda _: condition(), what)

    def element(self, selector):
        return self.browser.find_element("css selector", selector)

    def test_models_latencies_and_the_form(self):
        harness.publish(self.models / "m", 1, harness.fixture, config={"version_labels": {"stable": 1}})
        harness.publish(self.models / "<img src=x>", 1, harness.fixture)
        harness.publish(self.models / "broken", 1, harness.fixture)
        (self.models / "broken/1/model.so").write_bytes(b"no longer what it was")
        with harness.serving(self.models, "--max-load-retries", 0) as server:
            base = f"http://127.0.0.1:{server.rest}"
            self.browser.get(base + "/")
            rows = self.wait("rows of models", lambda: (
                rows := self.browser.find_elements("css selector", "#models tbody tr")) and rows)
            text = self.element("#models").text
            for expected in ("m 1 AVAILABLE stable predict", "<img src=x>", "broken 1 END"):
                self.assertIn(expected, text.replace("\n", " "))
            self.assertIn("model.so", self.element("#models .error").text)
            self.assertGreater(len(rows), 10)
            self.assertEqual(self.browser.find_elements("css selector", "#models img"), [])

            # The form has an example that works.
            target = self.element("#target")
            for option in target.find_elements("css selector", "option"):
                if option.text == "m 1 predict":
                    option.click()
            self.assertEqual(json.loads(self.element("#body").get_attribute("value")),
                             {"instances": [[0.5, 0.5, 0.5]]})
            self.element("#try button").click()
            self.wait("a reply", lambda: "predictions" in self.element("#reply").text)
            self.assertEqual(json.loads(self.element("#reply").text), {"predictions": [[5, 5.5]]})
            self.assertIn("200,", self.element("#took").text)

            # Requests show in the chart within two looks.
            def asked_and_drawn():
                for _ in range(50):
                    request = urllib.request.Request(base + "/v1/models/m:predict",
                                                     b'{"instances":[[1,2,3]]}')
                    with urllib.request.urlopen(request, timeout=30) as reply:
                        reply.read()
                return (self.element("polyline.p99").get_attribute("points").count(",") > 1
                        and self.element("#p50").text not in ("", "–"))
            self.wait("a drawn latency", asked_and_drawn)
            if SCREENSHOT:
                self.browser.save_screenshot(SCREENSHOT)
            self.assertEqual([line for line in self.browser.get_log("browser")
                              if line["level"] == "SEVERE" and "favicon" not in line["message"]], [])

    def test_a_server_that_is_gone_is_told(self):
        harness.publish(self.models / "m", 1, harness.fixture)
        with harness.serving(self.models) as server:
            self.browser.get(f"http://127.0.0.1:{server.rest}/")
            self.wait("ready", lambda: "ready" in self.element("#server").text)
            server.stop()
            self.wait("no answer", lambda: "no answer" in self.element("#server").text)


if __name__ == "__main__":
    if not shutil.which("chromedriver"):
        print("skipped: chromedriver is not there (tests/serve/setup --browser)")
        sys.exit(harness.SKIPPED)
    harness.main(__doc__)
