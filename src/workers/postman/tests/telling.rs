//! The letter that goes before an erasure, and what becomes of that.

use super::*;
use crate::forget::{TellingState, Untold};
use crate::store::{ErasureId, ErasureRequest, ToldFirst, Wanted};

/// Its record waits for its letter.
async fn to_be_erased(world: &World) -> ErasureId {
    let what = vec![Wanted::Record(record("devis-1-1"))];
    let request = ErasureRequest { what, told_first: true, ..ErasureRequest::default() };
    let asked = world.store.erase_once_told(request, by_officer(Action::ErasureToTell)).await;
    match asked.expect("it waits") {
        ToldFirst::Waits(id, _) => id,
        other => panic!("{other:?}"),
    }
}

async fn delivered(world: &mut World, end: &'static str) -> String {
    let (port, server) = server_that_says(end).await;
    world.postman.settings.port = port;
    let mail = World::mail(MailKind::Erasing);
    let (delivered, text) = tokio::join!(world.postman.deliver(&mail), server);
    assert!(delivered.is_ok(), "{end}");
    text.replace("=\n", "").replace("=3D", "=")
}

#[tokio::test]
async fn a_record_goes_with_the_letter_that_a_server_took_and_not_before() {
    let mut world = World::new(purpose("devis", &["email"])).await;
    let no =
        ToSuppress { addresses: vec![Address::email(ZOE).expect("an address")], purpose: None, months: 36 };
    world.store.suppress(no, by_officer(Action::Suppressed)).await.expect("on the list");
    let id = to_be_erased(&world).await;
    let mut first = None;
    for end in ["451 4.3.0 later", "554 5.7.1 no", "", "250 2.0.0 taken"] {
        let waiting = world.store.telling(id).await.expect("read").expect("kept");
        assert_eq!(waiting.state, TellingState::Waiting, "{end}");
        let text = delivered(&mut world, end).await;
        assert!(text.contains("As you asked") && text.contains("Its number is 1-1"), "{text}");
        assert!(!text.contains("/p/") && !text.contains("/u/"), "nothing is left to be opened: {text}");
        // Whoever gets it twice sees that it is one.
        let number = text.lines().find(|line| line.starts_with("Message-ID")).map(str::to_owned);
        assert_eq!(*first.get_or_insert(number.clone()), number);
    }
    let erasure = world.store.erasure(id).await.expect("read").expect("kept");
    assert!(erasure.done.is_some() && erasure.extent.total() == 1);
    let told = world.store.telling(id).await.expect("read").expect("kept");
    assert_eq!((told.state, told.told, told.why), (TellingState::Told, 1, None));
    assert_eq!(world.store.mails_waiting().count, 0);
    let found = world.store.find(Wanted::Record(record("devis-1-1")), by_officer(Action::Found)).await;
    assert!(found.expect("looked up").is_empty());
}

#[tokio::test]
async fn whom_the_letter_does_not_reach_is_erased_without() {
    let refuses = async |world: &mut World, id| {
        delivered(world, "550 5.1.1 nobody").await;
        world.store.telling(id).await.expect("read").expect("kept")
    };
    let mut world = World::new(purpose("devis", &["email"])).await;
    let id = to_be_erased(&world).await;
    let told = refuses(&mut world, id).await;
    assert_eq!((told.state, told.why), (TellingState::NotTold, Some(Untold::Unreachable)));

    // Its purpose left the config: nobody knows which field holds an address.
    let mut world = World::new(purpose("devis", &["email"])).await;
    let id = to_be_erased(&world).await;
    world.policy.replace(Arc::new(Policy::new(Vec::new())));
    let (port, server) = server_that_says("").await;
    world.postman.settings.port = port;
    let mail = World::mail(MailKind::Erasing);
    let (ended, _) = tokio::join!(world.postman.deliver(&mail), server);
    assert!(matches!(ended, Ok(Delivered::Ended)));
    let told = world.store.telling(id).await.expect("read").expect("kept");
    assert_eq!((told.state, told.why), (TellingState::NotTold, Some(Untold::NoAddress)));
    let erasure = world.store.erasure(id).await.expect("read").expect("kept");
    assert!(erasure.done.is_some());
}

/// A copy of the store is made between the server's answer and the row that says so.
#[tokio::test]
async fn what_was_told_while_the_store_is_copied_is_erased_behind_that_and_not_told_twice() {
    let mut world = World::new(purpose("devis", &["email"])).await;
    let id = to_be_erased(&world).await;
    let mail = World::mail(MailKind::Erasing);
    world.store.try_mail(mail.clone()).await.expect("tried").expect("it waits");
    world.host.copy(true);
    let told = Some((vec![mail.record.clone()], Ok(())));
    let entry = Some(Entry::by_system(Action::ErasureTold));
    let ending = Ending { mail, end: MailEnd::Sent, entry, request: None, told };
    world.postman.end(ending).await.expect("kept");
    let waits = world.store.telling(id).await.expect("read").expect("kept");
    assert_eq!(waits.state, TellingState::Waiting);
    world.host.copy(false);
    // Nobody listens at that port: what is due would fail, and nothing is.
    world.postman.settings.port = 1;
    assert!(matches!(world.postman.step().await, Step::Idle));
    let told = world.store.telling(id).await.expect("read").expect("kept");
    assert_eq!(told.state, TellingState::Told);
}
