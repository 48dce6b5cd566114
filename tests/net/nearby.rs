//! Two nodes on one local network whose addresses nobody gave them.

use std::net::UdpSocket;

use maille_tests::eventually;
use maille_tests::person::{Person, text};

/// An address of this machine that others could reach; none where there is no network.
fn of_the_network() -> Option<String> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("224.0.0.251:5353").ok()?; // sends nothing: it asks for the way
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_loopback()).then(|| format!("{ip}:0"))
}

/// The addresses on the invite are those of before: the inviter's computer was given another port since.
#[test]
#[expect(clippy::print_stdout, reason = "a test that was left out says so")]
fn who_has_moved_on_the_network_is_found_by_who_holds_their_invite() {
    let Some(address) = of_the_network() else {
        println!("left out: this machine is on no network");
        return;
    };
    let (ines, marc) = (Person::new(), Person::new());
    ines.json(&[
        "circle",
        "create",
        "Lilas",
        "--kind",
        "household",
        "--as",
        "Inès",
    ]);
    let link = {
        let _there = ines.runs(&[&address]);
        text(&ines.json(&["circle", "invite", "Lilas"]), "/link")
    };
    // Another port: what the link says is wrong now.
    let _ines = ines.runs_nearby(&address);
    let _marc = marc.runs_nearby(&address);
    marc.json(&["circle", "join", &link, "--as", "Marc", "--yes"]);
    marc.json(&["circle", "add", "Lilas", "bread"]);
    eventually("the list is at the one who moved", || {
        let listed = ines.json(&["circle", "items", "Lilas"]);
        (listed["items"][0]["text"] == "bread").then_some(())
    });
}

#[test]
fn who_listens_on_this_computer_only_is_told_that_nobody_would_find_them() {
    let ines = Person::new();
    let refused = ines
        .try_json(&["run", "--nearby"])
        .expect_err("it must not start");
    let error = &refused.object["error"];
    assert_eq!(error["code"], "nobody-nearby", "{refused:?}");
    assert!(text(error, "/hint").contains("0.0.0.0:4001"), "{refused:?}");
}
