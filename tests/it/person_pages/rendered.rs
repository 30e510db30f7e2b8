//! The pages as a browser is given them: HTML that is valid, shuts nobody out, and needs no more than keys.

use super::*;

/// A world that would send mails: it has the pages of one, and nobody is written to.
fn sending() -> Plan {
    let mail =
        "\n[mail]\nserver = \"127.0.0.1\"\nport = 9\ntls = \"none\"\nfrom = \"contact@lumen.example\"\n";
    Plan { config: Box::new(move |text| text + mail), ..Plan::default() }
}

/// The pages of somebody whose link is `path`, and of a record with boxes, to which `asked` leads, by what they are: each can be looked at
/// as often as one likes.
fn addresses(world: &World, path: &str, asked: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for lang in ["fr", "en", "de"] {
        for (name, query) in [
            ("own", ""),
            ("stop", "do=stop&"),
            ("correct", "do=correct&"),
            ("erase", "do=erase&"),
            ("copy", "do=copy&"),
        ] {
            all.push((format!("{name} {lang}"), world.public(&format!("{path}?{query}lang={lang}"))));
        }
        // Where the mails' own links lead, and what a record with boxes offers besides.
        for act in ["confirm", "withdraw", "erase"] {
            let page = world.public(&format!("{asked}?do={act}&lang={lang}"));
            all.push((format!("{act} a consent {lang}"), page));
        }
        all.push((format!("asking {lang}"), world.public(&format!("/p/lost?lang={lang}"))));
        all.push((format!("lost {lang}"), world.public(&format!("/p/{}?lang={lang}", "A".repeat(43)))));
        all.push((
            format!("code {lang}"),
            world.public(&format!("/meta/deletion/{}?lang={lang}", "0".repeat(64))),
        ));
    }
    all
}

/// Saves each page, as a browser is given it. Patient: a reader is counted.
async fn saved(
    directory: &std::path::Path,
    addresses: &[(String, String)],
) -> Vec<(String, std::path::PathBuf)> {
    let (client, mut pages) = (reader(), Vec::new());
    for (name, url) in addresses {
        let mut page = seen(client.get(url)).await;
        while page.status == 429 {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            page = seen(client.get(url)).await;
        }
        let file = directory.join(format!("{}.html", name.replace(' ', "-")));
        std::fs::write(&file, &page.text).expect("written");
        pages.push((name.clone(), file));
    }
    pages
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_valid_html_and_shuts_nobody_out() {
    let world = World::planned(sending()).await;
    let email = format!("{}@example.org", canary("eve").to_lowercase());
    furnished(&world, &email).await;
    let links = links(&world, &email).await;
    let directory = tempfile::tempdir().expect("a directory");
    let mut pages = saved(directory.path(), &addresses(&world, &links[0].1, &links[1].1)).await;
    let client = reader();
    // What the yes of a mail comes to, and where nothing was ticked.
    for (name, rest) in [("no box", ""), ("confirmed", "c.email_optin=yes")] {
        let answer = post(&world, &client, &links[1].1, "confirm", rest).await;
        let file = directory.path().join(format!("{}.html", name.replace(' ', "-")));
        std::fs::write(&file, &answer.text).expect("written");
        pages.push((name.to_owned(), file));
    }
    for (at, lang) in ["fr", "de"].iter().enumerate() {
        let path = &links[1 - at].1;
        let asked = seen(client.get(world.public(&format!("{path}?do=erase&lang={lang}")))).await;
        let body = format!("do=erase&form={}&reach=this", carried(&asked.text));
        let erased = posted(&world, &client, &format!("{path}?lang={lang}"), body).await;
        assert_eq!(erased.status, 200, "{}", erased.text);
        let file = directory.path().join(format!("erased-{lang}.html"));
        std::fs::write(&file, &erased.text).expect("written");
        pages.push((format!("erased {lang}"), file));
    }
    for (name, typed) in [("asked", "nobody%40example.org"), ("not asked", "nobody")] {
        for lang in ["fr", "en"] {
            let answer =
                posted(&world, &client, &format!("/p/lost?lang={lang}"), format!("do=link&email={typed}"))
                    .await;
            let file = directory.path().join(format!("{}-{lang}.html", name.replace(' ', "-")));
            std::fs::write(&file, &answer.text).expect("written");
            pages.push((format!("{name} {lang}"), file));
        }
    }
    crate::seen::are_valid(directory.path(), &pages);
    let place = directory.path().to_owned();
    tokio::task::spawn_blocking(move || crate::seen::shut_nobody_out(&place, pages)).await.expect("no panic");
    world.end().await;
}

/// Without a mouse, on a telephone, at a desk, and four times as large.
#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_read_and_filled_in_by_keys_alone_and_reflows() {
    use crate::keyboard::{REFLOW, browser_is_there, walk};
    use crate::support::browser::{Browser, DESK, DESK_AT_400, PHONE};
    if !browser_is_there() {
        return;
    }
    let world = World::planned(sending()).await;
    let email = format!("{}@example.org", canary("ada").to_lowercase());
    furnished(&world, &email).await;
    let links = links(&world, &email).await;
    let directory = tempfile::tempdir().expect("a directory");
    let pages = saved(directory.path(), &addresses(&world, &links[0].1, &links[1].1)).await;
    for (at, window) in [PHONE, DESK, DESK_AT_400].into_iter().enumerate() {
        let profile = directory.path().join(format!("browser-{at}"));
        std::fs::create_dir(&profile).expect("a directory");
        let browser = Browser::start(&profile, window).await;
        for (name, file) in &pages {
            browser.open(&format!("file://{}", file.display())).await;
            assert_eq!(walk(&browser).await, [""; 0], "{name} {window:?}");
            browser.open(&format!("file://{}", file.display())).await;
            let found = browser.run(REFLOW).await;
            assert!(found["wide"].as_i64() <= Some(0), "{name}: it scrolls sideways: {found}");
            for what in ["out", "cut", "covers"] {
                assert_eq!(found[what].as_array().map(Vec::len), Some(0), "{name}: {what}: {found}");
            }
        }
        browser.end().await;
    }
    // In the browser itself, from the link to the receipt, by keys: a link, a choice, a button.
    let profile = directory.path().join("browser-whole");
    std::fs::create_dir(&profile).expect("a directory");
    let browser = Browser::start(&profile, PHONE).await;
    browser.open(&world.public(&format!("{}?do=erase&lang=en", links[0].1))).await;
    browser.run("document.querySelector('input[value=this]').focus()").await;
    browser.press(" ").await;
    assert_eq!(browser.run("return document.querySelector('input[value=this]').checked").await, true);
    browser.run("document.querySelector('button').focus()").await;
    browser.press(crate::support::browser::ENTER).await;
    let mut heading = Value::Null;
    for _ in 0..200 {
        heading = browser
            .run("return document.readyState === 'complete' ? document.querySelector('h1').textContent : ''")
            .await;
        if heading == "Your data are erased" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(heading, "Your data are erased", "the policy lets the page's own form go, in a real browser");
    assert_eq!(browser.run("return document.title").await, "Your data");
    browser.end().await;
    world.end().await;
}
