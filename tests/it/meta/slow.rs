//! Graph that takes its time, or never answers.

use std::time::Duration;

use tamis_simulator::{Match, Misbehaviour, Rule};

use crate::support::{DEVIS_FORM, Plan, World, canary, lead};

fn submit(world: &World, count: usize) -> Vec<String> {
    let submit = |_| {
        let email = format!("{}@example.org", canary("slow"));
        world.submit(lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[&email]), &[&email])
    };
    (0..count).map(submit).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_lead_that_hangs_or_breaks_off_keeps_no_other_waiting() {
    for what in [Misbehaviour::Hang, Misbehaviour::Reset, Misbehaviour::HalfBody] {
        let world = World::planned(Plan::with("[meta]\n", "[meta]\nread_timeout_ms = 1_000\n")).await;
        let ids = submit(&world, 12);
        let rule = world.meta.misbehave(Rule::always(Match::any().lead(&ids[4]), what));
        world.deliver_all(&ids).await;
        world.stored("devis", 11).await;
        world.settled().await;
        assert_eq!(world.admin().get("/admin/v1/inbox").await.json()["waiting"], 1);
        world.meta.forgive(rule);
        world.stored("devis", 12).await;
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_answers_are_waited_for_while_calls_are_taken() {
    let world = World::start().await;
    world.meta.misbehave(Rule::always(Match::any(), Misbehaviour::Delay(Duration::from_millis(1_500))));
    let ids = submit(&world, 90);
    for ids in ids.chunks(30) {
        let answer = world.meta.notification(&ids.iter().map(String::as_str).collect::<Vec<_>>());
        let answer = world.meta.deliver(&world.webhook(), &answer).await.expect("an answer");
        assert!(
            answer.status == 200 && answer.elapsed < Duration::from_millis(1_500),
            "{:?}",
            answer.elapsed
        );
    }
    world.stored("devis", 90).await;
    world.end().await;
}
