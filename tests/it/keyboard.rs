//! The pages without a mouse, and four times as large: in a real Chromium, on a telephone and at a desk.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tamis_simulator::{Setup, Simulator};

use crate::seen::or_skipped;
use crate::support::browser::{Browser, DESK, DESK_AT_400, ENTER, PHONE, TAB, Window};
use crate::support::process::{Home, installed};

/// More than any page of ours has.
const STOPS_MAX: usize = 200;

/// What can be reached by keys, as the page has it, top to bottom; of buttons of which one is chosen the first, the others by arrows.
const REACHABLE: &str = "return [...document.querySelectorAll('a[href],button,input,select,textarea,[tabindex]')]\
    .filter(e => e.getClientRects().length > 0 && e.tabIndex >= 0)\
    .filter(e => e.type !== 'radio' || e === document.querySelector('input[name=' + e.name + ']')).length";

/// Where the focus is: its place among these, or -1; whether it can be seen.
const FOCUS: &str = "const e = document.activeElement, all = [...document.querySelectorAll('a[href],button,input,select,textarea,[tabindex]')]\
    .filter(e => e.getClientRects().length > 0 && e.tabIndex >= 0)\
    .filter(e => e.type !== 'radio' || e === document.querySelector('input[name=' + e.name + ']'));\
    const s = getComputedStyle(e), r = e.getBoundingClientRect();\
    return {at: all.indexOf(e), \
      marked: s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2, \
      inside: r.bottom > 0 && r.right > 0 && r.top < innerHeight && r.left < innerWidth && r.width > 0, \
      text: (e.labels && e.labels.length ? e.labels[0] : e).textContent.trim(), href: e.getAttribute('href')}";

/// Where reading has no way on, in the window as it is and not as a telephone would shrink the page into it: what is wider than the window, what lies beyond its edge, what is cut, and what covers much of it.
pub(crate) const REFLOW: &str = "const width = document.documentElement.clientWidth, wide = document.documentElement.scrollWidth - width, out = [], cut = [], covers = [];\
    for (const e of document.querySelectorAll('body *')) {\
      const s = getComputedStyle(e), r = e.getBoundingClientRect();\
      if (!e.getClientRects().length || e.classList.contains('skip')) continue;\
      if (r.right > width + 1 || r.left < -1) out.push(e.tagName + ' ' + e.textContent.trim().slice(0, 40));\
      if (s.overflowX !== 'visible' && e.scrollWidth > e.clientWidth + 1) cut.push(e.tagName);\
      if ((s.position === 'fixed' || s.position === 'sticky') && r.height > innerHeight / 3) covers.push(e.tagName);\
    }\
    return {wide, out, cut, covers, words: document.body.innerText.split(/\\s+/).length, inner: width}";

pub(crate) fn browser_is_there() -> bool {
    let there = installed("chromium") && installed("chromedriver");
    or_skipped(there.then_some(()), "chromium-driver").is_some()
}

/// Walks through a page by the key alone, and gives what was wrong.
pub(crate) async fn walk(browser: &Browser) -> Vec<String> {
    let reachable = browser.run(REACHABLE).await.as_u64().expect("a number");
    let mut wrong = Vec::new();
    for stop in 0..reachable {
        browser.press(TAB).await;
        let focus = browser.run(FOCUS).await;
        if focus["at"].as_u64() != Some(stop) {
            wrong.push(format!("stop {stop} of {reachable} is not where the eye is: {focus}"));
            break;
        }
        if focus["marked"] != true || focus["inside"] != true {
            wrong.push(format!("nobody sees where the focus is: {focus}"));
        }
        if focus["text"].as_str().is_none_or(str::is_empty) {
            wrong.push(format!("nobody hears what it is: {focus}"));
        }
    }
    wrong
}

/// The notices of a running tamis, in every language.
async fn with_pages<F: AsyncFn(&Browser, &str)>(window: Window, look: F) {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let home = Home::new(&meta, "page-token", |text| text);
    let daemon = home.serve(&[]);
    let directory = tempfile::tempdir().expect("a directory");
    let browser = Browser::start(directory.path(), window).await;
    for purpose in ["devis", "lettre"] {
        for lang in ["fr", "en", "de"] {
            look(&browser, &format!("http://{}/notice/{purpose}?lang={lang}", daemon.public)).await;
        }
    }
    browser.end().await;
    daemon.terminate();
    meta.stop().await;
}

/// A page that must fail, as a file.
fn unfit(directory: &Path) -> String {
    let path = directory.join("unfit.html");
    let page = "<!DOCTYPE html><html lang=\"fr\"><meta name=\"viewport\" content=\"width=device-width\"><title>x</title><style>a{outline:none!important}</style>\
        <p style=\"width:900px\">x</p><a href=\"#a\" tabindex=\"2\">a</a><a href=\"#b\" tabindex=\"1\">b</a></html>";
    fs::write(&path, page).expect("written");
    format!("file://{}", path.display())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_read_and_left_by_keys_alone() {
    if !browser_is_there() {
        return;
    }
    for window in [PHONE, DESK] {
        with_pages(window, async |browser, url| {
            browser.open(url).await;
            assert_eq!(walk(browser).await, [""; 0], "{url} {window:?}");
            // And out again: no page keeps the focus.
            browser.press(TAB).await;
            assert_eq!(browser.run(FOCUS).await["at"], -1, "{url}");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_keys_one_skips_to_the_text_and_chooses_a_language() {
    if !browser_is_there() {
        return;
    }
    with_pages(PHONE, async |browser, url| {
        browser.open(url).await;
        browser.press(TAB).await;
        assert_eq!(browser.run(FOCUS).await["href"], "#main", "{url}: the first stop leads to the text");
        browser.press(ENTER).await;
        browser.press(TAB).await;
        let in_main = browser.run("return document.activeElement.closest('main') !== null").await;
        assert_eq!(in_main, true, "{url}");
        browser.open(url).await;
        for _ in 0..STOPS_MAX {
            browser.press(TAB).await;
            if browser.run(FOCUS).await["href"] == "?lang=de" {
                break;
            }
        }
        browser.press(ENTER).await;
        let mut lang = Value::Null;
        for _ in 0..100 {
            lang = browser
                .run("return document.readyState === 'complete' ? document.documentElement.lang : ''")
                .await;
            if lang == "de" {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(lang, "de", "{url}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_four_hundred_per_cent_nothing_is_cut_and_one_scrolls_one_way() {
    if !browser_is_there() {
        return;
    }
    let words = std::sync::Mutex::new(std::collections::HashMap::new());
    let look = async |browser: &Browser, url: &str, size: u64| {
        browser.open(url).await;
        let found = browser.run(REFLOW).await;
        assert_eq!(found["inner"], size, "{url}");
        assert!(found["wide"].as_i64() <= Some(0), "{url}: it scrolls sideways: {found}");
        for (what, said) in [("out", "beyond the edge"), ("cut", "cut"), ("covers", "covers the text")] {
            assert_eq!(found[what].as_array().map(Vec::len), Some(0), "{url}: {said}: {found}");
        }
        found["words"].as_u64().expect("a number")
    };
    // The port is another each time.
    let name = |url: &str| url.split("/notice/").nth(1).unwrap_or_default().to_owned();
    with_pages(DESK, async |browser, url| {
        let count = look(browser, url, 1_280).await;
        words.lock().expect("not poisoned").insert(name(url), count);
    })
    .await;
    with_pages(DESK_AT_400, async |browser, url| {
        let count = look(browser, url, 320).await;
        let before = words.lock().expect("not poisoned").get(&name(url)).copied();
        assert_eq!(Some(count), before, "{url}: as many words as before");
        assert_eq!(walk(browser).await, [""; 0], "{url}: and by keys");
    })
    .await;
    // A telephone whose text is twice as large.
    with_pages(PHONE, async |browser, url| {
        browser.open(url).await;
        browser.run("document.documentElement.style.fontSize = '200%'").await;
        let found = browser.run(REFLOW).await;
        assert!(found["wide"].as_i64() <= Some(0), "{url}: {found}");
        assert_eq!(
            (found["out"].as_array().map(Vec::len), found["cut"].as_array().map(Vec::len)),
            (Some(0), Some(0)),
            "{url}: {found}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_shuts_people_out_is_found() {
    if !browser_is_there() {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let browser = Browser::start(directory.path(), DESK_AT_400).await;
    browser.open(&unfit(directory.path())).await;
    let found = browser.run(REFLOW).await;
    assert!(found["out"].as_array().map(Vec::len) > Some(0), "{found}");
    let wrong = walk(&browser).await.join("\n");
    assert!(wrong.contains("not where the eye is"), "{wrong}");
    browser.end().await;
}
