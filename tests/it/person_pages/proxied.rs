//! The pages behind the proxies that the documents configure.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_proxies_let_these_pages_through_and_write_no_link_down() {
    use crate::support::front::{Front, Proxy};
    use crate::support::process::Home;
    use tamis_simulator::{Setup, Simulator};
    for proxy in Proxy::here() {
        let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
        let home = Home::new(&meta, "page-token", |text| text);
        let daemon = home.serve(&[]);
        let front = Front::start(proxy, &daemon.public, None);
        let client = front.client(None);
        let pass = "Zq7".to_owned() + &"A".repeat(40);
        for kind in ["p", "u"] {
            let page =
                client.get(front.url(&format!("/{kind}/{pass}?lang=en"))).send().await.expect("an answer");
            assert_eq!(page.status(), 404, "{proxy}");
            assert!(
                page.text().await.expect("text").contains("This link opens nothing"),
                "{proxy}: tamis answers"
            );
            let posted = client
                .post(front.url(&format!("/{kind}/{pass}")))
                .body("do=erase")
                .send()
                .await
                .expect("an answer");
            assert!([400, 404].contains(&posted.status().as_u16()), "{proxy}: {}", posted.status());
            assert!(posted.text().await.expect("text").contains("<!DOCTYPE html>"), "{proxy}: tamis answers");
            let other = client
                .request(Method::PUT, front.url(&format!("/{kind}/{pass}")))
                .send()
                .await
                .expect("an answer");
            assert!([403, 404, 405].contains(&other.status().as_u16()), "{proxy}");
        }
        let asking = client.get(front.url("/p/lost?lang=en")).send().await.expect("an answer");
        // Without a mail server nobody can be sent one.
        assert!(
            asking.text().await.expect("text").contains("This link opens nothing"),
            "{proxy}: tamis answers"
        );
        let asked =
            client.post(front.url("/p/lost")).body("email=a%40example.org").send().await.expect("an answer");
        assert!(asked.text().await.expect("text").contains("<!DOCTYPE html>"), "{proxy}: tamis answers");
        let code = "0".repeat(64);
        let status =
            client.get(front.url(&format!("/meta/deletion/{code}?lang=en"))).send().await.expect("an answer");
        assert!(status.text().await.expect("text").contains("We do not know this code"), "{proxy}");
        for path in ["/meta/deletion", "/meta/deauthorize"] {
            let call =
                client.post(front.url(path)).body("signed_request=a.b").send().await.expect("an answer");
            assert_eq!(call.status(), 401, "{proxy} {path}");
        }
        for path in [
            "/p/",
            "/p/short",
            &format!("/p/{pass}x"),
            &format!("/p/{pass}/x"),
            "/u/",
            "/meta/",
            "/meta/other",
            "/meta/deletion/x",
        ] {
            let answer = client.get(front.url(path)).send().await.expect("an answer");
            assert!([403, 404].contains(&answer.status().as_u16()), "{proxy} {path}");
            let text = answer.text().await.expect("text");
            assert!(
                !text.contains("This link opens") && !text.contains("We do not know"),
                "{proxy} itself refuses {path}"
            );
        }
        // With tamis away the proxies say so, and still not of whom.
        daemon.terminate();
        let down = client.get(front.url(&format!("/p/{pass}"))).send().await.expect("an answer");
        assert!([502, 504].contains(&down.status().as_u16()), "{proxy}");
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let mut looked_at = 0;
        for entry in walk_files(front.directory.path()) {
            let bytes = std::fs::read(&entry).unwrap_or_default();
            looked_at += usize::from(!bytes.is_empty());
            assert!(
                !bytes.windows(pass.len()).any(|window| window == pass.as_bytes()),
                "{proxy}: {}",
                entry.display()
            );
        }
        assert!(looked_at > 0, "there are files");
        meta.stop().await;
    }
}

fn walk_files(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(walk_files(&path)) } else { found.push(path) }
    }
    found
}
