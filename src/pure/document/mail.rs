//! How does mail leave, how much of it, and who gets a digest? The mail section of the site file.
//!
//! Left of it is `raw_site` (as typed); right of it `site`, which puts the site file together.

use super::field::Spanned;
use super::raw_site::{RawDigest, RawMail};
use super::sheet::Sheet;
use crate::pure::site::{
    DigestSettings, HOURLY_LIMIT, HOURLY_LIMIT_MAX, MailSecurity, MailSettings, MailTransport, Site,
};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// How mail leaves; `None` when nobody can say.
pub(super) fn mail_settings(
    sheet: &mut Sheet<'_>,
    raw: &Spanned<RawMail>,
    sites: &BTreeMap<String, Site>,
) -> Option<MailSettings> {
    let RawMail {
        from,
        smtp,
        directory,
        username,
        password_file,
        hourly_limit,
        digest,
        reply_to,
        postmaster,
    } = &raw.value;
    let hourly_limit = hourly_limit_of(sheet, hourly_limit.as_ref());
    let from = sheet.required(from, "from", raw.span).map(|from| from.value.0.clone());
    if smtp.is_written() == directory.is_written() {
        let cure = "`smtp: smtp://HOST:25` sends, `directory: state/outbox` writes .eml files";
        sheet.error(raw.span, "`mail` needs exactly one of `smtp` and `directory`", cure);
    }
    if username.is_some() != password_file.is_some() {
        let span = username.as_ref().or(password_file.as_ref()).map_or(raw.span, |one| one.span);
        sheet.error(span, "`username` and `password_file` go together", "give both, or neither");
    }
    let digest = digest.as_ref().and_then(|digest| digest_settings(sheet, digest, sites));
    let transport = match (smtp.given(), directory.given()) {
        (Some(smtp), _) => {
            let (host, port, security) = smtp.value.0.clone();
            if security == MailSecurity::Plain && username.is_some() && !is_loopback(&host) {
                sheet.warn(
                    smtp.span,
                    "the password would travel unprotected",
                    "write `smtp+starttls://` or `smtps://`",
                );
            }
            MailTransport::Smtp { host, port, security }
        }
        (None, Some(directory)) => MailTransport::Directory(sheet.named_path("directory", directory)),
        (None, None) => return None,
    };
    Some(MailSettings {
        from: from?,
        transport,
        username: username.as_ref().map(|name| name.value.clone()),
        password_file: password_file.as_ref().map(|file| sheet.resolve(&file.value)),
        digest,
        hourly_limit,
        reply_to: reply_to.as_ref().or(postmaster.as_ref()).map(|mailbox| mailbox.value.0.clone()),
        postmaster: postmaster.as_ref().map(|mailbox| mailbox.value.0.clone()),
    })
}

fn digest_settings(
    sheet: &mut Sheet<'_>,
    raw: &Spanned<RawDigest>,
    sites: &BTreeMap<String, Site>,
) -> Option<DigestSettings> {
    let RawDigest { cron, to, skip_unchanged, coordinators, timezone } = &raw.value;
    let cron = sheet.required(cron, "cron", raw.span).map(|cron| cron.value.0.text.clone());
    let to = sheet.required(to, "to", raw.span)?;
    let has_coordinators = coordinators.as_ref().is_none_or(|wanted| wanted.value);
    if to.value.is_empty() && !has_coordinators {
        sheet.error(to.span, "`to` is empty, so nobody gets a digest", "fill it, or remove `digest`");
    }
    let of_site = sites.values().next().map(|site| site.timezone.clone());
    let given = timezone.as_ref().map(|zone| zone.value.0.clone());
    let timezone = given.or(of_site).unwrap_or(TimeZone::UTC);
    Some(DigestSettings {
        cron: cron?,
        to: to.value.iter().map(|to| to.value.0.clone()).collect(),
        is_skipped_unchanged: skip_unchanged.as_ref().is_some_and(|skip| skip.value),
        has_coordinators,
        timezone_name: timezone.iana_name().unwrap_or("UTC").to_owned(),
        timezone,
    })
}

fn hourly_limit_of(sheet: &mut Sheet<'_>, limit: Option<&Spanned<u32>>) -> u32 {
    let Some(limit) = limit else { return HOURLY_LIMIT };
    if !(1..=HOURLY_LIMIT_MAX).contains(&limit.value) {
        let what = format!("`hourly_limit` is {}", limit.value);
        sheet.error(limit.span, what, format!("write a number from 1 to {HOURLY_LIMIT_MAX}"));
    }
    limit.value
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
