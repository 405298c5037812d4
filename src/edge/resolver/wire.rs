//! How does a question reach the resolver, and a reply come back? UDP, and TCP where a reply was cut.
//!
//! Random message numbers and ports keep forged replies out; replies that do not fit are passed over by
//! the library. It must never log: the names that it sends may hold a key.

use crate::pure::listing::{NoReply, Question, Record, RecordData, Reply, ReplyCode};
use hickory_net::NetError;
use hickory_net::proto::op::{DnsRequest, DnsRequestOptions, DnsResponse, MessageType, Query, ResponseCode};
use hickory_net::proto::rr::{Name, RData, Record as DnsRecord, RecordType};
use hickory_net::runtime::TokioRuntimeProvider;
use hickory_net::tcp::TcpClientStream;
use hickory_net::udp::UdpClientStream;
use hickory_net::xfer::{DnsExchange, DnsHandle, FirstAnswer};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::runtime::Runtime;
use tracing::subscriber::{NoSubscriber, with_default};

/// Patience with one question, whatever way it goes. Twice that is less than the time in which `serve`
/// has to end.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Records of one reply that are looked at; more than that is never an answer of a list.
const RECORDS_MAX: usize = 512;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Address,
    Text,
}

/// The way to the resolver.
pub struct Wire {
    resolver: SocketAddr,
    runtime: Runtime,
}

impl Wire {
    /// Nothing is sent yet.
    pub fn open(resolver: SocketAddr) -> Result<Wire, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("cannot wait for a reply ({error}): try again"))?;
        Ok(Wire { resolver, runtime })
    }

    /// Asks once and waits for the reply.
    pub fn ask(&self, question: &Question, kind: Kind) -> Result<Reply, NoReply> {
        let name = Name::from_ascii(question.name()).map_err(|_| NoReply::Unreadable)?;
        let kind = match kind {
            Kind::Address => RecordType::A,
            Kind::Text => RecordType::TXT,
        };
        let query = Query::query(name, kind);
        // The library tells its log of names.
        with_default(NoSubscriber::default(), || {
            self.runtime.block_on(async {
                let asked = tokio::time::timeout(TIMEOUT, ask(self.resolver, &query)).await;
                asked.unwrap_or(Err(NoReply::TimeOut))
            })
        })
    }
}

async fn ask(resolver: SocketAddr, query: &Query) -> Result<Reply, NoReply> {
    let provider = TokioRuntimeProvider::new();
    let udp = UdpClientStream::builder(resolver, provider.clone())
        .with_timeout(Some(TIMEOUT))
        .with_max_retries(0)
        .exchange();
    let reply = exchange(&udp, query).await?;
    if !reply.metadata.truncation {
        return read(reply, query);
    }
    let tcp = TcpClientStream::exchange(resolver, None, TIMEOUT, Some(1), provider);
    let reply = exchange(&tcp.await.map_err(trouble)?, query).await?;
    if reply.metadata.truncation { Err(NoReply::Unreadable) } else { read(reply, query) }
}

async fn exchange(way: &DnsExchange<TokioRuntimeProvider>, query: &Query) -> Result<DnsResponse, NoReply> {
    let request = DnsRequest::from_query(query.clone(), DnsRequestOptions::default());
    way.send(request).first_answer().await.map_err(trouble)
}

/// The library's own words may hold the name, so that only those of the system are passed on.
fn trouble(error: NetError) -> NoReply {
    match error {
        NetError::Timeout | NetError::Busy => NoReply::TimeOut,
        NetError::Io(error) => NoReply::Unreachable(error.kind().to_string()),
        _ => NoReply::Unreadable,
    }
}

/// The reply, where it is one to this question.
fn read(response: DnsResponse, query: &Query) -> Result<Reply, NoReply> {
    let is_reply = response.metadata.message_type == MessageType::Response;
    if !is_reply || response.queries.as_slice() != std::slice::from_ref(query) {
        return Err(NoReply::Unreadable);
    }
    let negative_ttl_s = response.negative_ttl();
    let records: Vec<Record> = response.answers.iter().take(RECORDS_MAX).map(record).collect();
    let code = match response.metadata.response_code {
        ResponseCode::NoError => ReplyCode::NoError,
        ResponseCode::NXDomain => ReplyCode::NoSuchName,
        ResponseCode::ServFail => ReplyCode::ServerFailure,
        ResponseCode::Refused => ReplyCode::Refused,
        other => ReplyCode::Other(u16::from(other)),
    };
    Ok(Reply { code, name: name(query.name()), records, negative_ttl_s })
}

fn record(record: &DnsRecord) -> Record {
    let data = match &record.data {
        RData::A(address) => RecordData::Address(address.0),
        RData::CNAME(alias) => RecordData::Alias(name(&alias.0)),
        RData::TXT(text) => RecordData::Text(
            text.txt_data.iter().map(|part| String::from_utf8_lossy(part)).collect::<String>(),
        ),
        _ => RecordData::Other,
    };
    Record { owner: name(&record.name), ttl_s: record.ttl, data }
}

fn name(name: &Name) -> String {
    name.to_lowercase().to_ascii()
}
