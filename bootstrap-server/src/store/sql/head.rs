//! The end of the log: the tree over all leaves, as the last checkpoint signed it.

use audit_log::{CompactRange, LeafHash, NodeHash, Origin, TreeSize, UnverifiedCheckpoint, VerifierKey};
use sqlx::{AnyConnection, any::AnyRow};

use super::{
    decode::{corrupt, number, value},
    encode::integer,
};
use crate::{
    audit::origin_of,
    store::{LogNumber, StoreError},
};

/// Subtrees of at most this many leaves are computed again when a log is taken up. Reading the whole of a long log would
/// take minutes; whoever wants that verifies it.
const CHECKED: u64 = 1024;

/// Where the next leaf goes.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) log: LogNumber,
    pub(super) origin: Origin,
    pub(super) tree: CompactRange,
    pub(super) note: String,
}

impl Head {
    /// Whether a row of the checkpoint is the one this came from.
    pub(super) fn is_at(&self, row: &AnyRow) -> Result<bool, StoreError> {
        Ok(number(row, "size")? == self.tree.size().0 && value::<&str>(row, "note")? == self.note)
    }

    /// Takes up the log where it ends. The tree must be the one that the last checkpoint signed, and the last leaves must
    /// be those of the tree.
    pub(super) async fn read(
        connection: &mut AnyConnection,
        row: &AnyRow,
        key: &VerifierKey,
    ) -> Result<Self, StoreError> {
        let (size, note) = (TreeSize(number(row, "size")?), value::<String>(row, "note")?);
        let log = current_log(connection).await?;
        let last: Option<i64> = sqlx::query_scalar("SELECT position FROM leaf ORDER BY position DESC LIMIT 1")
            .fetch_optional(&mut *connection)
            .await?;
        let end = last.map_or(0, |last| last.saturating_add(1));
        if end != integer(size.0)? {
            return Err(corrupt("an audit log of another length than its checkpoint"));
        }
        if size.0 == 0 {
            return Ok(Self { log, origin: Origin::from(key.name()), tree: CompactRange::new(), note });
        }
        let frontier: Vec<u8> = value(row, "frontier")?;
        let nodes = frontier.chunks(32).map(|node| node.try_into().map(NodeHash)).collect::<Result<_, _>>();
        let nodes = nodes.map_err(|_| corrupt("the edge of the audit log's tree"))?;
        let tree = CompactRange::resume(size, nodes).map_err(|_| corrupt("the edge of the audit log's tree"))?;
        let origin = origin_of(&note, key).ok_or_else(|| corrupt("a checkpoint of another log"))?;
        let checkpoint = UnverifiedCheckpoint::parse(note.as_bytes())
            .ok()
            .and_then(|checkpoint| checkpoint.verify_of(&origin, key).ok())
            .ok_or_else(|| corrupt("a checkpoint that this log's key did not sign"))?;
        if *checkpoint.head() != tree.head() {
            return Err(corrupt("an audit log that is not the one its checkpoint signed"));
        }
        check_edge(connection, &tree).await?;
        Ok(Self { log, origin, tree, note })
    }
}

/// How many logs came before the one that is written.
pub(super) async fn current_log(connection: &mut AnyConnection) -> Result<LogNumber, StoreError> {
    let archived: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM archived_log").fetch_one(connection).await?;
    u32::try_from(archived).map(LogNumber).map_err(|_| corrupt("the number of logs"))
}

/// Computes the small subtrees at the edge of the tree again from their leaves.
async fn check_edge(connection: &mut AnyConnection, tree: &CompactRange) -> Result<(), StoreError> {
    // Like the bits of the size: the lowest is the last subtree.
    let small = tree.size().0 & (CHECKED.saturating_mul(2).saturating_sub(1));
    let first = tree.size().0.saturating_sub(small);
    let rows = sqlx::query("SELECT leaf FROM leaf WHERE position >= $1 ORDER BY position")
        .bind(integer(first)?)
        .fetch_all(connection)
        .await?;
    if u64::try_from(rows.len()).ok() != Some(small) {
        return Err(corrupt("an audit log with a leaf missing"));
    }
    let leaves = rows.iter().map(|row| Ok(LeafHash::of(value::<&[u8]>(row, "leaf")?)));
    let mut leaves = leaves.collect::<Result<Vec<_>, StoreError>>()?.into_iter();
    let count = usize::try_from(small.count_ones()).unwrap_or(usize::MAX);
    let nodes = tree.nodes().iter().skip(tree.nodes().len().saturating_sub(count));
    let sizes = (0..u64::BITS).rev().map(|bit| small & (1_u64 << bit)).filter(|size| *size > 0);
    for (node, size) in nodes.zip(sizes) {
        let subtree: CompactRange = leaves.by_ref().take(usize::try_from(size).unwrap_or(usize::MAX)).collect();
        if subtree.nodes() != [*node] {
            return Err(corrupt("an audit log whose last leaves are not those that its checkpoint signed"));
        }
    }
    Ok(())
}
