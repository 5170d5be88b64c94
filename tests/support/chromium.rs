//! Chromium without a window, told what to do over DevTools' pipe.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};

use rustix::process::geteuid;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::daemon::tool;
use super::wait::{PATIENCE, until};

/// The pipe's descriptors are 3 and 4 there.
const SCRIPT: &str = r#"exec "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#;

/// What it knows of the network: this machine by its addresses.
const NO_NAMES: &str = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1";

/// Messages that may wait to be read.
const QUEUE: usize = 10_000;

/// A browser with one page; ended when dropped.
pub struct Browser {
    child: Child,
    words: ChildStdin,
    messages: Receiver<Value>,
    asked: u64,
    /// What the page is called.
    session: String,
    requests: Vec<String>,
    _profile: TempDir,
}

/// The base64 of a picture is decoded by the system's own command.
fn decoded(base64: &str) -> Vec<u8> {
    let mut command = Command::new("base64");
    command.arg("-d").stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut words = child.stdin.take().unwrap();
    let base64 = base64.to_owned();
    let writer = std::thread::spawn(move || words.write_all(base64.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output.stdout
}

impl Browser {
    /// Opens a page, and does not wait for what its script does.
    pub fn open(url: &str) -> Browser {
        let profile = TempDir::new().unwrap();
        let mut command = Command::new("sh");
        command
            .args(["-c", SCRIPT, "sh"])
            .arg(tool("chromium", &[]));
        command.args([
            "--headless",
            "--disable-gpu",
            "--no-first-run",
            "--hide-scrollbars",
            NO_NAMES,
        ]);
        command.args(["--disable-background-networking", "--disable-dev-shm-usage"]);
        if geteuid().is_root() {
            // It refuses to run as root within its own.
            command.arg("--no-sandbox");
        }
        let mut folder = std::ffi::OsString::from("--user-data-dir=");
        folder.push(profile.path());
        command.arg(folder).arg("--remote-debugging-pipe");
        // It leaves folders there when it is ended.
        command.env("TMPDIR", profile.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let (sender, messages) = sync_channel(QUEUE);
        std::thread::spawn(move || {
            for message in answers.split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).unwrap();
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Browser {
            words: child.stdin.take().unwrap(),
            child,
            messages,
            asked: 0,
            session: String::new(),
            requests: Vec::new(),
            _profile: profile,
        };
        browser.attach();
        browser.call("Page.navigate", json!({ "url": url }));
        let is_there = format!("location.href === {url:?} && document.readyState === 'complete'");
        browser.wait(&is_there);
        browser
    }

    fn attach(&mut self) {
        let page = self.call("Target.createTarget", json!({ "url": "about:blank" }));
        let target = json!({ "targetId": page["targetId"], "flatten": true });
        let attached = self.call("Target.attachToTarget", target);
        self.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Network.enable", "Page.enable"] {
            self.call(domain, json!({}));
        }
    }

    /// Calls a method of DevTools, of the page once there is one.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let mut call = json!({ "id": self.asked, "method": method, "params": params });
        if !self.session.is_empty() {
            call["sessionId"] = json!(self.session);
        }
        self.words.write_all(call.to_string().as_bytes()).unwrap();
        self.words.write_all(&[0]).unwrap();
        loop {
            let message = self.messages.recv_timeout(PATIENCE);
            let mut message = message.unwrap_or_else(|error| panic!("{method}: {error}"));
            if message["method"] == "Network.requestWillBeSent" {
                let url = message["params"]["request"]["url"].as_str();
                self.requests.push(url.unwrap().to_owned());
            }
            if message["id"] == self.asked {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].take();
            }
        }
    }

    /// The value of an expression in the page, a promise's once it is there.
    pub fn value(&mut self, expression: &str) -> Value {
        let params = json!({
            "expression": expression, "returnByValue": true, "awaitPromise": true,
        });
        let mut result = self.call("Runtime.evaluate", params);
        assert!(
            result["exceptionDetails"].is_null(),
            "{expression}: {result}"
        );
        result["result"]["value"].take()
    }

    /// Waits until an expression in the page is true.
    pub fn wait(&mut self, expression: &str) {
        let told = || format!("{expression} in the page");
        until(&told(), || (self.value(expression) == true).then_some(()));
    }

    /// The text of each row of a table, by cells, as it is seen.
    pub fn rows(&mut self, table: &str) -> Vec<Vec<String>> {
        let rows = self.value(&format!(
            "[...document.querySelectorAll('#{table} tbody tr')]\
             .map(row => [...row.children].map(cell => cell.innerText.trim()))"
        ));
        serde_json::from_value(rows).unwrap()
    }

    /// Waits until a table has such rows.
    pub fn until_rows(
        &mut self,
        table: &str,
        is_it: impl Fn(&[Vec<String>]) -> bool,
    ) -> Vec<Vec<String>> {
        until(&format!("the rows of {table}"), || {
            let rows = self.rows(table);
            is_it(&rows).then_some(rows)
        })
    }

    /// What the page has asked for so far.
    pub fn requests(&self) -> &[String] {
        &self.requests
    }

    /// A window of that width, light or dark.
    pub fn resize(&mut self, width: u32, is_dark: bool) {
        let scheme = if is_dark { "dark" } else { "light" };
        let size =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", size);
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        );
    }

    /// Writes the whole page as a picture of that name, and returns its file.
    pub fn picture(&mut self, name: &str) -> PathBuf {
        let metrics = self.call("Page.getLayoutMetrics", json!({}));
        let mut clip = metrics["cssContentSize"].clone();
        clip["width"] = metrics["cssLayoutViewport"]["clientWidth"].clone();
        clip["scale"] = json!(1);
        let params = json!({ "captureBeyondViewport": true, "clip": clip });
        let shot = self.call("Page.captureScreenshot", params);
        let picture = decoded(shot["data"].as_str().unwrap());
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&file, picture).unwrap();
        file
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its helpers end with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
