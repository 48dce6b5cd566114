//! A poll of a circle, with a process for each person: asked, voted in apart, closed, the same everywhere.

use maille_tests::eventually;
use maille_tests::person::{Person, text};
use serde_json::Value;

use crate::circle::three;

const QUESTION: &str = "Quel soir ?";

fn poll(person: &Person) -> Option<Value> {
    let shown = person
        .try_json(&["circle", "poll", "show", QUESTION])
        .ok()?;
    Some(shown["poll"].clone())
}

/// What all members see alike.
fn shared(poll: &Value) -> Value {
    let mut shared = poll.clone();
    for own in ["mine", "may_vote", "may_close"] {
        shared.as_object_mut().expect("a poll").remove(own);
    }
    shared
}

fn votes(person: &Person, choice: &str) {
    person.json(&["circle", "poll", "vote", QUESTION, choice]);
}

#[test]
fn three_members_vote_and_all_see_the_same_tally() {
    let ([ines, marc, zoe], [_first, second, _third]) = three();
    let opened = marc.json(&[
        "circle",
        "poll",
        "open",
        "Rue des Lilas",
        QUESTION,
        "--choice",
        "lundi",
        "--choice",
        "mardi",
        "--quorum",
        "60%",
    ]);
    let id = text(&opened, "/poll/id");
    for person in [&ines, &zoe] {
        eventually("the question arrives", || poll(person));
    }
    votes(&ines, "lundi");
    votes(&zoe, "2");
    // By the beginning of its number, as it is listed; and he changes his mind.
    marc.json(&["circle", "poll", "vote", &id[..8], "lundi"]);
    marc.json(&["circle", "poll", "vote", &id[..8], "mardi"]);
    for person in [&ines, &marc, &zoe] {
        eventually("all votes arrive", || {
            (poll(person)?["tally"]["votes"] == serde_json::json!([1, 2])).then_some(())
        });
    }
    let refused = zoe.try_json(&["circle", "poll", "close", QUESTION]);
    let refused = refused.expect_err("she neither asked nor is an admin");
    assert_eq!(refused.object["error"]["code"], "not-closer");
    // Marc goes; what he votes while the poll is closed comes too late.
    second.is_killed();
    votes(&marc, "lundi");
    ines.json(&["circle", "poll", "close", QUESTION]);
    let _second = marc.runs(&[]);
    let all = eventually("all see the same", || {
        let all = [poll(&ines)?, poll(&marc)?, poll(&zoe)?];
        let first = shared(&all[0]);
        let late =
            first["ballots"].as_array()?.len() == 5 && first["closes"] != serde_json::json!([]);
        (late && all.iter().all(|it| shared(it) == first)).then_some(first)
    });
    let outcome = serde_json::json!({ "is": "chosen", "choice": 2 });
    assert_eq!(all["tally"]["outcome"], outcome, "{all}");
    assert_eq!(all["tally"]["votes"], serde_json::json!([1, 2]), "{all}");
    let uncounted = all["ballots"].as_array().expect("a list").iter();
    let uncounted = uncounted.filter(|it| it["fate"] == "not-counted").count();
    assert_eq!(uncounted, 1, "{all}");
    let late = marc.try_json(&["circle", "poll", "vote", QUESTION, "lundi"]);
    assert_eq!(
        late.expect_err("it is closed").object["error"]["code"],
        "poll-closed"
    );
}
