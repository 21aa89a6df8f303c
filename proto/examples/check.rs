// May SUBJECT use FEATURE?   check tcp://127.0.0.1:8721 alice live_trading
// With - for SUBJECT: asks about each line of standard input.
// Crates zmq, rmp-serde and serde with derive (librust-zmq-dev, librust-rmp-serde-dev, librust-serde-derive-dev).
use serde::{Deserialize, Serialize};
use std::io::BufRead;

#[derive(Serialize)]
struct Question<'a> {
    op: &'a str,
    id: u64,
    sub: &'a str,
    feat: &'a str,
}

#[derive(Deserialize)]
struct Refusal {
    code: String,
    msg: String,
    retry: bool,
}

#[derive(Deserialize)]
struct Answer {
    allowed: Option<bool>,
    reason: Option<String>,
    tier: Option<String>,
    err: Option<Refusal>,
}

fn connect(endpoint: &str) -> zmq::Result<zmq::Socket> {
    let query = zmq::Context::new().socket(zmq::REQ)?;
    query.set_req_relaxed(true)?; // may ask again when no answer came,
    query.set_req_correlate(true)?; // and takes no late one for the next
    query.set_immediate(true)?; // keeps nothing back for a server that is not there
    query.set_sndtimeo(1000)?; // milliseconds; it waits for ever without them
    query.set_rcvtimeo(1000)?;
    query.set_linger(0)?;
    query.connect(endpoint)?; // and again by itself, when the server was restarted
    Ok(query)
}

fn ask(query: &zmq::Socket, subject: &str, feature: &str) -> Option<Answer> {
    let question = Question { op: "check", id: 1, sub: subject, feat: feature };
    query.send_multipart([b"TG01".to_vec(), rmp_serde::to_vec_named(&question).ok()?], 0).ok()?;
    rmp_serde::from_slice(query.recv_multipart(0).ok()?.get(1)?).ok()
}

fn may(query: &zmq::Socket, subject: &str, feature: &str) -> String {
    let mut error = "error timeout no answer".to_string(); // never a yes
    for _ in 0..3 {
        match ask(query, subject, feature) {
            Some(Answer { err: Some(e), .. }) => {
                error = format!("error {} {}", e.code, e.msg);
                if !e.retry {
                    break;
                }
            }
            Some(Answer { allowed: Some(yes), reason: Some(reason), tier: Some(tier), .. }) => {
                return format!("{} {} {}", if yes { "allowed" } else { "denied" }, reason, tier);
            }
            _ => {}
        }
    }
    error
}

fn main() -> zmq::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let query = connect(&args[1])?;
    if args[2] != "-" {
        println!("{}", may(&query, &args[2], &args[3]));
        return Ok(());
    }
    for subject in std::io::stdin().lock().lines().flatten() {
        println!("{}", may(&query, &subject, &args[3]));
    }
    Ok(())
}
