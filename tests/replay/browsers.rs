//! Real browsers, driven without any helper program: Chromium by its debugging pipe, Firefox by Marionette.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Folder;

/// What both browsers can be asked.
pub trait Browser {
    /// Opens a page and waits until it is loaded.
    fn open(&mut self, url: &str);
    /// The value of an expression in the page.
    fn ask(&mut self, expression: &str) -> Value;
    /// Presses and releases a key.
    fn press(&mut self, key: Key);
    /// What the console holds of errors and warnings since the page was opened.
    fn console(&mut self) -> Vec<String>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Tab,
    Enter,
}

/// Texts whose contrast with what is behind them is below WCAG's AA (4.5).
pub const PALE: &str = "(() => { const pale = [];
    const parts = c => c.match(/[\\d.]+/g).map(Number);
    const light = c => { const [r, g, b] = parts(c).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
                         return .2126 * r + .7152 * g + .0722 * b };
    const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
                          if ((parts(c)[3] ?? 1) > 0) return c } return 'rgb(255,255,255)' };
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) { const e = walk.currentNode.parentElement;
        if (!walk.currentNode.data.trim() || !e.getClientRects().length || e.closest('title,desc')) continue;
        const style = getComputedStyle(e);
        const a = light(e.closest('svg') ? style.fill : style.color), b = light(behind(e));
        const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
        if (ratio < 4.5) pale.push(ratio.toFixed(2) + ' ' + walk.currentNode.data.slice(0, 40)) }
    return pale })()";

/// Chromium with one page.
pub struct Chromium {
    child: Child,
    to: File,
    from: BufReader<File>,
    session: String,
    sent: u64,
    events: Vec<Value>,
}

impl Chromium {
    pub fn start(folder: &Folder) -> Self {
        let (to, from) = (folder.path("to-chromium"), folder.path("from-chromium"));
        let made = Command::new("mkfifo").args([&to, &from]).status().expect("mkfifo is everywhere");
        assert!(made.success());
        // The pipe speaks over descriptors 3 and 4: a shell can open those, safe Rust cannot.
        let script = "exec chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
                      --disable-background-networking --disable-component-update --disable-sync \
                      --remote-debugging-pipe --user-data-dir=\"$3\" about:blank 3<\"$1\" 4>\"$2\"";
        let child = Command::new("sh")
            .args(["-c", script, "sh"])
            .args([&to, &from, &folder.path("chromium")])
            .env("HOME", &folder.0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(folder.path("chromium.log")).expect("the folder is writable"))
            .spawn()
            .expect("sh starts");
        let to = OpenOptions::new().write(true).open(to).expect("the shell reads it");
        let from = BufReader::new(File::open(from).expect("the shell writes it"));
        let mut browser = Chromium { child, to, from, session: String::new(), sent: 0, events: Vec::new() };
        let targets = browser.call("Target.getTargets", &json!({}));
        let page = targets["targetInfos"].as_array().expect("a list").iter().find(|t| t["type"] == "page");
        let page = page.expect("about:blank is open")["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", &json!({"targetId": page, "flatten": true}));
        attached["sessionId"].as_str().expect("a session").clone_into(&mut browser.session);
        for domain in ["Page.enable", "Runtime.enable", "Log.enable", "Network.enable"] {
            browser.call(domain, &json!({}));
        }
        browser
    }

    /// One command of the DevTools protocol; events that come meanwhile are kept.
    pub fn call(&mut self, method: &str, params: &Value) -> Value {
        self.sent += 1;
        let mut message = json!({"id": self.sent, "method": method, "params": params});
        if !self.session.is_empty() {
            message["sessionId"] = self.session.as_str().into();
        }
        self.to.write_all(format!("{message}\0").as_bytes()).expect("Chromium reads");
        loop {
            let answer = self.receive();
            if answer["id"] == self.sent {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    fn receive(&mut self) -> Value {
        let mut message = Vec::new();
        self.from.read_until(0, &mut message).expect("Chromium writes");
        assert_eq!(message.pop(), Some(0), "Chromium has ended");
        let message: Value = serde_json::from_slice(&message).expect("JSON");
        if message["id"].is_null() {
            self.events.push(message.clone());
        }
        message
    }

    /// Every URL that was asked for since the last page was opened.
    pub fn requested(&mut self) -> Vec<String> {
        self.ask("0"); // whatever was sent until now is there afterwards
        let sent = self.events.iter().filter(|e| e["method"] == "Network.requestWillBeSent");
        sent.map(|e| e["params"]["request"]["url"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Media and its preferences, as the page's style sees them.
    pub fn emulate(&mut self, media: &str, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", &json!({"media": media, "features": features}));
    }

    pub fn resize(&mut self, width: u32) {
        let metrics = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": true});
        self.call("Emulation.setDeviceMetricsOverride", &metrics);
    }
}

impl Browser for Chromium {
    fn open(&mut self, url: &str) {
        self.events.clear();
        self.call("Page.navigate", &json!({"url": url}));
        while !self.events.iter().any(|e| e["method"] == "Page.loadEventFired") {
            self.receive();
        }
    }

    fn ask(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", &asked);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    fn press(&mut self, key: Key) {
        let (name, code, text) = match key {
            Key::Tab => ("Tab", 9, ""),
            Key::Enter => ("Enter", 13, "\r"),
        };
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { text } else { "" };
            let event = json!({"type": kind, "key": name, "code": name, "windowsVirtualKeyCode": code, "text": text});
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    fn console(&mut self) -> Vec<String> {
        self.ask("0");
        let told = self.events.iter().filter(|e| {
            ["Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"]
                .contains(&e["method"].as_str().unwrap_or_default())
        });
        told.map(ToString::to_string).collect()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Firefox with one page.
pub struct Firefox {
    child: Child,
    stream: BufReader<TcpStream>,
    sent: u64,
    page: String,
}

impl Firefox {
    pub fn start(folder: &Folder) -> Self {
        let profile = folder.path("firefox");
        std::fs::create_dir_all(&profile).expect("the folder is writable");
        // Port 0: Firefox takes a free one and writes which into the profile.
        let prefs = [
            "\"marionette.port\", 0",
            "\"browser.shell.checkDefaultBrowser\", false",
            "\"datareporting.policy.dataSubmissionEnabled\", false",
            "\"app.update.enabled\", false",
        ];
        let prefs = prefs.map(|p| format!("user_pref({p});\n")).concat();
        std::fs::write(profile.join("user.js"), prefs).expect("the folder is writable");
        let name = if Path::new("/usr/bin/firefox-esr").exists() { "firefox-esr" } else { "firefox" };
        let child = Command::new(name)
            .args(["--headless", "--no-remote", "--marionette", "--remote-allow-system-access", "--profile"])
            .arg(&profile)
            .arg("about:blank")
            .env("HOME", &folder.0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(folder.path("firefox.log")).expect("the folder is writable"))
            .spawn()
            .expect("Firefox starts");
        let stream = connect(&profile);
        let mut browser = Firefox { child, stream: BufReader::new(stream), sent: 0, page: String::new() };
        let hello = browser.receive();
        assert_eq!(hello["marionetteProtocol"], 3, "{hello}");
        browser.call("WebDriver:NewSession", &json!({"capabilities": {"alwaysMatch": {"acceptInsecureCerts": false}}}));
        browser
    }

    fn call(&mut self, command: &str, params: &Value) -> Value {
        self.sent += 1;
        let message = json!([0, self.sent, command, params]).to_string();
        let framed = format!("{}:{message}", message.len());
        self.stream.get_mut().write_all(framed.as_bytes()).expect("Firefox reads");
        loop {
            let answer = self.receive();
            if answer[1] == self.sent {
                assert!(answer[2].is_null(), "{command}: {answer}");
                return answer[3].clone();
            }
        }
    }

    /// `LENGTH:JSON`
    fn receive(&mut self) -> Value {
        let mut length = Vec::new();
        self.stream.read_until(b':', &mut length).expect("Firefox writes");
        length.pop();
        let length = String::from_utf8(length).ok().and_then(|n| n.parse().ok()).expect("a length");
        let mut message = vec![0; length];
        self.stream.read_exact(&mut message).expect("Firefox writes");
        serde_json::from_slice(&message).expect("JSON")
    }

    fn run(&mut self, script: &str, context: &str) -> Value {
        self.call("Marionette:SetContext", &json!({"value": context}));
        let answer = self.call("WebDriver:ExecuteScript", &json!({"script": script, "args": []}));
        self.call("Marionette:SetContext", &json!({"value": "content"}));
        answer["value"].clone()
    }
}

/// Waits for the port and connects.
fn connect(profile: &Path) -> TcpStream {
    let begin = Instant::now();
    loop {
        assert!(begin.elapsed() < Duration::from_mins(1), "Firefox does not listen");
        let port =
            std::fs::read_to_string(profile.join("MarionetteActivePort")).ok().and_then(|p| p.trim().parse().ok());
        if let Some(stream) = port.and_then(|port: u16| TcpStream::connect(("127.0.0.1", port)).ok()) {
            return stream;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl Browser for Firefox {
    fn open(&mut self, url: &str) {
        url.clone_into(&mut self.page);
        self.run("Services.console.reset()", "chrome");
        self.call("WebDriver:Navigate", &json!({"url": url}));
    }

    fn ask(&mut self, expression: &str) -> Value {
        self.run(&format!("return ({expression})"), "content")
    }

    fn press(&mut self, key: Key) {
        let key = match key {
            Key::Tab => "\u{e004}",
            Key::Enter => "\u{e007}",
        };
        let presses = json!([{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]);
        self.call(
            "WebDriver:PerformActions",
            &json!({"actions": [{"type": "key", "id": "keyboard", "actions": presses}]}),
        );
    }

    fn console(&mut self) -> Vec<String> {
        let script = "return Services.console.getMessageArray().filter(m => m instanceof Ci.nsIScriptError)\
                      .map(m => m.sourceName + ': ' + m.errorMessage)";
        let told = self.run(script, "chrome");
        let told = told.as_array().expect("a list").iter().filter_map(Value::as_str);
        told.filter(|line| line.starts_with(&self.page)).map(str::to_owned).collect()
    }
}

impl Drop for Firefox {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
