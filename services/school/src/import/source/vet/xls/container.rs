//! The compound file around a workbook ([MS-CFB]): one stream taken out, and put into a new file by itself.

use super::{super::super::Unreadable, records::u32_at};
use bytes::Bytes;
use cfb::{CompoundFile, Version};
use std::io::{Cursor, Read as _, Write as _};

/// Since 1997, and before.
const NAMES: [&str; 2] = ["/Workbook", "/Book"];
/// Sector numbers from here on have a meaning of their own.
const NO_SECTOR: u32 = 0xffff_fffa;

/// The workbook's stream.
pub(super) fn workbook(bytes: &[u8]) -> Result<Vec<u8>, Unreadable> {
    if !tables_are_few(bytes)? {
        return Err(Unreadable::Damaged);
    }
    let mut file = CompoundFile::open(Cursor::new(bytes)).map_err(|_| Unreadable::Damaged)?;
    let name = NAMES.into_iter().find(|name| file.is_stream(name)).ok_or(Unreadable::Damaged)?;
    let stream = file.open_stream(name).map_err(|_| Unreadable::Damaged)?;
    let mut content = Vec::new();
    stream.take(bytes.len() as u64).read_to_end(&mut content).map_err(|_| Unreadable::Damaged)?;
    Ok(content)
}

/// The list of tables may name one table as often as it likes, and each time it is read into memory: no list may be
/// longer than the file has tables.
fn tables_are_few(bytes: &[u8]) -> Result<bool, Unreadable> {
    let sector = if bytes.get(30) == Some(&12) { 4096 } else { 512 };
    let most = bytes.len() / sector / (sector / 4) / (sector / 4 - 1) + 1;
    let mut next = u32_at(bytes, 68)?;
    for _ in 0..=most {
        if next >= NO_SECTOR {
            return Ok(true);
        }
        let behind = usize::try_from(next).ok().and_then(|number| number.checked_add(2)?.checked_mul(sector));
        next = u32_at(bytes, behind.ok_or(Unreadable::Damaged)? - 4)?;
    }
    Ok(false)
}

/// A file that holds the workbook alone.
pub(super) fn packed(workbook: &[u8]) -> Result<Bytes, Unreadable> {
    let pack = || {
        let mut file = CompoundFile::create_with_version(Version::V3, Cursor::new(Vec::new()))?;
        let mut stream = file.create_stream(NAMES[0])?;
        stream.write_all(workbook)?;
        stream.flush()?;
        drop(stream);
        file.flush()?;
        Ok::<_, std::io::Error>(file.into_inner().into_inner())
    };
    pack().map(Bytes::from).map_err(|_| Unreadable::Damaged)
}
