//! Mails and reports as their readers see them: in a real browser (the Debian package chromium), on a phone
//! and on a desk, in daylight and in the dark, with and without a style sheet.

use crate::letters::{eml, letter, templates};
use crate::sample::{Sample, sample};
use crate::skip::skipped;
use crate::{digest, inbox};
use allclear::edge::template::Form;
use allclear::pure::playbook::MailEvent;
use allclear::pure::shown::is_shown;
use allclear::pure::ticket::{Host, HostExposure, HostStanding};
use allclear::pure::verdict::{Reason, ReasonCode};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a phone shows of a mail at once.
const SCREEN: (u32, u32) = (360, 740);
const DESK: (u32, u32) = (1_200, 900);

/// Hosts of one ticket in the largest sample.
const HOSTS: u8 = 20;

const EVIL: &str = "<script>top.hit=1</script><img src=x onerror=top.hit=2>\"' onload=\"top.hit=3\r\n\
    <style>*{display:none}</style>\u{202e}</main></body>&lt;b&gt;";

/// Measures each page in a frame of each width, and leaves what it found in the document.
const PROBE: &str = r#"
const found = [];
function luminance(rgb) {
  const part = value => { value /= 255; return value <= .03928 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4; };
  return .2126 * part(rgb[0]) + .7152 * part(rgb[1]) + .0722 * part(rgb[2]);
}
const colour = text => (text.match(/[\d.]+/g) || []).map(Number);
function ground(element) {
  for (let at = element; at; at = at.parentElement) {
    const rgb = colour(at.ownerDocument.defaultView.getComputedStyle(at).backgroundColor);
    if (rgb.length && (rgb.length < 4 || rgb[3] > 0)) return rgb;
  }
  return matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255];
}
function contrast(element) {
  const style = element.ownerDocument.defaultView.getComputedStyle(element);
  const [a, b] = [luminance(colour(style.color)), luminance(ground(element))];
  return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
}
async function measure(page, width, height) {
  const frame = document.createElement('iframe');
  frame.style.cssText = `width:${width}px;height:${height}px;border:0`;
  const loaded = new Promise(resolve => frame.onload = resolve);
  frame.srcdoc = page.html;
  document.body.append(frame);
  await loaded;
  const inside = frame.contentDocument, root = inside.documentElement;
  const written = [...inside.querySelectorAll('body *')].filter(element =>
    !element.closest('svg') && element.checkVisibility()
    && [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim()));
  const least = written.map(element => [contrast(element), element.textContent.trim().slice(0, 60)])
    .sort((a, b) => a[0] - b[0])[0];
  const todo = inside.querySelector('.todo');
  const images = [...inside.images];
  found.push({
    page: page.name, width,
    wide: Math.max(root.scrollWidth, inside.body.scrollWidth) - root.clientWidth,
    least: least[0], faint: least[1],
    todo: todo ? todo.getBoundingClientRect().bottom : null,
    images: images.length,
    broken: images.filter(image => image.naturalWidth !== 2 * image.getAttribute('width') || !image.alt
      || image.getBoundingClientRect().width > width).length,
    drawings: inside.querySelectorAll('svg[role=img] > title').length,
    scripts: inside.scripts.length,
    handlers: [...inside.querySelectorAll('*')].filter(element =>
      [...element.attributes].some(attribute => attribute.name.startsWith('on'))).length,
    foreign: [...inside.querySelectorAll('[src],[href]')].filter(element =>
      !/^(data:image\/png;base64,|#)/.test(element.getAttribute('src') || element.getAttribute('href'))).length,
  });
  frame.remove();
}
(async () => {
  for (const page of pages) for (const [width, height] of screens) await measure(page, width, height);
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  document.body.textContent = JSON.stringify({ dark, hit: window.hit || null, found });
})();
"#;

struct Page {
    name: String,
    html: String,
    /// Whether a mail, which says what to do on the first screen of a phone.
    is_mail: bool,
}

/// A mail as a mail program shows it: each `cid:` is the image of that Content-ID.
fn mail_page(sample: &Sample) -> String {
    let letter = letter(sample);
    let mail = eml(&letter);
    let images = mail.split("Content-ID: <").skip(1);
    images.fold(letter.html, |html, part| {
        let (head, body) = part.split_once("\r\n\r\n").expect("a head and a body");
        let id = head.split('>').next().expect("an id");
        let image: String = body.split("\r\n--").next().expect("a body").split_whitespace().collect();
        html.replace(&format!("cid:{id}"), &format!("data:image/png;base64,{image}"))
    })
}

fn without_style(html: &str) -> String {
    let (before, rest) = html.split_once("<style>").expect("a style sheet");
    format!("{before}{}", rest.split_once("</style>").expect("its end").1)
}

/// Every name of the sample from outside is this one.
fn renamed(mut sample: Sample, name: &str) -> Sample {
    sample.ticket.hosts.iter_mut().for_each(|host| host.name = Some(name.to_string()));
    sample.ticket.reports[0].malware = Some(name.to_string());
    sample.ticket.reference = Some(name.to_string());
    sample.ticket.signed.values_mut().for_each(|signed| signed.by = name.to_string());
    sample.ticket.events.iter_mut().for_each(|recorded| recorded.by = name.to_string());
    sample.playbook.checklist.iter_mut().for_each(|item| item.text = name.to_string());
    sample.site.title = name.to_string();
    sample.site.coordinator = format!("{} <tech@springfield.example>", name.replace(['<', '>'], ""));
    sample.ticket.runs.iter_mut().flat_map(|run| &mut run.end).for_each(|end| {
        end.reasons = vec![Reason { code: ReasonCode::Interrupted, text: name.to_string() }];
    });
    sample.standing.missing.iter_mut().for_each(|missing| *missing = name.to_string());
    sample
}

/// Twenty hosts, each of which was there and as silent as the first.
fn crowded(mut sample: Sample) -> Sample {
    let Some(first) = sample.ticket.hosts.first().cloned() else { return sample };
    let address = |number: u8| IpAddr::from([10, 16, 25, number]);
    for number in 1..HOSTS {
        let name = Some(format!("LIBRARY-PUBLIC-{number}"));
        sample.ticket.hosts.push(Host { host: address(number), mac: None, name, ..first.clone() });
        let standing: Option<HostStanding> = sample.standing.hosts.first().cloned();
        let host = address(number);
        sample.standing.hosts.extend(standing.map(|standing| HostStanding { host, ..standing }));
    }
    for end in sample.ticket.runs.iter_mut().flat_map(|run| &mut run.end) {
        let seen: Option<HostExposure> = end.exposures.first().cloned();
        let others = (1..HOSTS).zip(std::iter::repeat(seen));
        end.exposures.extend(others.filter_map(|(number, seen)| {
            Some(HostExposure { host: address(number), contacts: Vec::new(), ..seen? })
        }));
    }
    sample
}

fn pages() -> Vec<Page> {
    let long = "Win32.Worm.Downadup-Generation_C".repeat(12);
    let mut pages = Vec::new();
    for event in crate::letters::EVENTS {
        let (event, word) = event;
        let mut add = |what: &str, html: String| {
            pages.push(Page { name: format!("{word}{what}"), html, is_mail: true });
        };
        let plain = mail_page(&sample(event));
        add("-without-style", without_style(&plain));
        add("", plain);
        add("-hostile", mail_page(&renamed(sample(event), EVIL)));
        add("-long", mail_page(&renamed(sample(event), &long)));
        add("-crowded", mail_page(&crowded(sample(event))));
    }
    // What no person may type is turned down before.
    let typed = |name: &str| -> String { name.chars().filter(|sign| is_shown(*sign)).take(64).collect() };
    for (what, name) in [("", None), ("-hostile", Some(typed(EVIL))), ("-long", Some(typed(&long)))] {
        let mut add = |word: &str, html: String| {
            pages.push(Page { name: format!("{word}{what}"), html, is_mail: true });
        };
        add("digest", digest::busy_week(name.as_deref()).html);
        add("folded", inbox::told_together(name.as_deref()).html);
    }
    let clean = || sample(MailEvent::Clean);
    for (what, sample) in [
        ("report", clean()),
        ("report-hostile", renamed(clean(), EVIL)),
        ("report-long", renamed(clean(), &long)),
        ("report-crowded", crowded(clean())),
        ("report-opened", sample(MailEvent::Opened)),
    ] {
        let html = templates().report(&sample.material(), Form::Html).expect("a report");
        pages.push(Page { name: what.to_string(), html, is_mail: false });
    }
    pages
}

/// What the browser makes of the pages; `None`, with a message, when there is none.
fn look(pages: &[Page], is_dark: bool) -> Option<Value> {
    let Some(browser) = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| runs(name))
    else {
        skipped("the package chromium is not installed");
        return None;
    };
    let place = tempfile::tempdir().expect("a directory");
    let listed: Vec<Value> = pages.iter().map(|page| json!({"name": page.name, "html": page.html})).collect();
    // `</script>` inside would end the script that it stands in.
    let listed = Value::from(listed).to_string().replace("</", "<\\/").replace("<!--", "<\\!--");
    let screens = json!([[SCREEN.0, SCREEN.1], [DESK.0, DESK.1]]);
    let script = format!("const pages = {listed};\nconst screens = {screens};\n{PROBE}");
    let probe = place.path().join("probe.html");
    let page = format!("<!DOCTYPE html><meta charset=\"utf-8\"><body><script>{script}</script>");
    std::fs::write(&probe, page).expect("a file");
    // Blink counts 0 as dark and 1 as light.
    let scheme = format!("--blink-settings=preferredColorScheme={}", u8::from(!is_dark));
    let output = Command::new(browser)
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--virtual-time-budget=60000",
        ])
        .arg(format!("--user-data-dir={}", place.path().join("profile").display()))
        .args([&scheme, "--window-size=1300,1000", "--dump-dom"])
        .arg(format!("file://{}", probe.display()))
        .stderr(Stdio::null())
        .output()
        .expect("it has just run");
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    let body = dom.split("<body>").nth(1).and_then(|rest| rest.split("</body>").next()).unwrap_or(&dom);
    let body = body.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    Some(serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body:.2000}")))
}

fn runs(name: &str) -> bool {
    let told = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    told.is_ok_and(|status| status.success())
}

#[test]
fn every_mail_and_report_looks_right_on_a_phone_and_on_a_desk_by_day_and_by_night() {
    let pages = pages();
    keep(&pages);
    for is_dark in [false, true] {
        let Some(seen) = look(&pages, is_dark) else { return };
        assert_eq!((&seen["dark"], &seen["hit"]), (&json!(is_dark), &json!(null)), "no script of a name ran");
        let found = seen["found"].as_array().expect("a list");
        assert_eq!(found.len(), pages.len() * 2);
        let faults: Vec<String> = found.iter().flat_map(|found| faults(&pages, found, is_dark)).collect();
        assert!(faults.is_empty(), "dark: {is_dark}\n{}", faults.join("\n"));
    }
}

/// What is wrong with one page at one width.
fn faults(pages: &[Page], found: &Value, is_dark: bool) -> Vec<String> {
    let name = found["page"].as_str().expect("a name");
    let page = pages.iter().find(|page| page.name == name).expect("one of ours");
    let number = |key: &str| found[key].as_f64().unwrap_or(f64::NAN);
    let is_phone = number("width") < 500.0;
    let has_nights =
        ["relapsed", "inconclusive", "clean", "listed", "closed"].iter().any(|word| name.starts_with(word));
    let mut faults = Vec::new();
    let mut want = |is_met: bool, what: &str| {
        if !is_met {
            faults.push(format!("{name}, {} px, dark {is_dark}: {what}: {found}", number("width")));
        }
    };
    want(number("wide") <= 0.0, "it is wider than its window");
    want(number("least") >= 4.5, "a text is too faint");
    want(number("broken") == 0.0, "an image is broken, too wide, or without words");
    want(number("scripts") + number("handlers") == 0.0, "it holds a script");
    want(number("foreign") == 0.0, "it wants something from outside");
    if page.is_mail {
        want(
            !is_phone || name.contains("-long") || number("todo") <= f64::from(SCREEN.1),
            "what to do is not on the first screen",
        );
        want(!has_nights || number("images") >= 1.0, "there is no picture");
    } else {
        want(name == "report-opened" || number("drawings") >= 2.0, "there are no drawings");
    }
    faults
}

/// Keeps the pages where somebody wants to look at them.
fn keep(pages: &[Page]) {
    let Some(place) = std::env::var_os("ALLCLEAR_PAGES") else { return };
    std::fs::create_dir_all(&place).expect("a directory");
    for page in pages {
        std::fs::write(Path::new(&place).join(format!("{}.html", page.name)), &page.html).expect("a file");
    }
}
