//! Networks too deep for the ring asked for, with refreshes by the data owner.

use crate::common::{Folder, models};

fn cryptonets() -> String {
    models().join("cryptonets.onnx").display().to_string()
}

fn images() -> String {
    let inputs = models().join("../inputs/digits.npz");
    format!("{}:x", inputs.display())
}

#[test]
fn infer_and_check_answer_refreshes_and_say_so() {
    let (folder, model, images) = (Folder::new(), cryptonets(), images());
    let infer = ["infer", &model, "--input", &images, "--log-n", "13"];
    folder.privet(&infer).fails(1, &["5 levels", "--log-n 14"]);

    let with = |more: &[&'static str]| [&infer[..], &["--refresh", "client"], more].concat();
    folder.privet(&with(&["--report", "r.json"])).works(&[
        "refreshes",
        "by the client",
        "the client sees what it refreshes",
        "encrypted",
    ]);
    let report = std::fs::read_to_string(folder.path("r.json")).expect("the report");
    let number = |name: &str| -> u64 {
        let after = report.split(&format!("\"{name}\": ")).nth(1);
        let digits: Option<String> =
            after.map(|text| text.chars().take_while(char::is_ascii_digit).collect());
        digits.and_then(|d| d.parse().ok()).expect("a number")
    };
    assert!(number("refresh_bytes") > 0, "{report}");

    let data = images.as_str();
    let check = [
        "check", &model, "--data", data, "--limit", "2", "--log-n", "13",
    ];
    let encrypted = ["--refresh", "client", "--encrypted", "1"];
    let done = folder.privet(&[&check[..], &encrypted].concat());
    done.works(&["refreshes", "executed operations are the planned ones"]);
}

#[test]
fn the_server_refuses_what_it_can_not_run_alone() {
    let (folder, model) = (Folder::new(), cryptonets());
    let compile = ["compile", &model, "--log-n", "13", "--refresh", "client"];
    let done = folder.privet(&[&compile[..], &["-o", "c.privet"]].concat());
    done.works(&["refreshes", "privet infer", "--refresh client"]);
    let run = ["run", "c.privet", "--evaluation", "e.evk", "x.ct"];
    folder.privet(&run).fails(
        1,
        &["c.privet", "refreshes by the client", "--refresh client"],
    );
    let share = [&compile[..], &["--share", "1", "--input-bound", "1"]].concat();
    folder.privet(&share).fails(2, &["--share", "--refresh"]);
}

#[test]
fn a_network_that_fits_is_not_refreshed() {
    let (folder, model) = (Folder::new(), cryptonets());
    let compile = ["compile", &model, "--refresh", "client", "-o", "c.privet"];
    let done = folder.privet(&compile);
    done.works(&["privet inspect c.privet"]);
    assert!(!done.out.contains("refreshes"), "{}", done.out);
}
