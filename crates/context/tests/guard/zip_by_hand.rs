//! Zips written field by field, so that each field can lie.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use slipway_test_support::archives::DOCKERFILE;

/// One file, and what is said of it.
#[derive(Clone)]
pub(crate) struct Packed {
    /// The name in the directory, and in front of the data.
    pub(crate) names: [Vec<u8>; 2],
    pub(crate) data: Vec<u8>,
    /// 0 stored, 8 deflated; what the data is packed with, unless `packed` is given.
    pub(crate) method: u16,
    pub(crate) packed: Option<Vec<u8>>,
    /// 3 for Unix, 0 for FAT.
    pub(crate) system: u8,
    pub(crate) mode: u32,
    pub(crate) flags: u16,
    /// Added to the sizes and the checksum that are said.
    pub(crate) lie: u32,
    /// Sizes behind the data and in fields of 64 bits.
    pub(crate) descriptor: bool,
    pub(crate) zip64: bool,
    /// Where the directory says that it is, if it lies.
    pub(crate) offset: Option<u32>,
}

pub(crate) fn packed(name: &str, data: &[u8]) -> Packed {
    Packed {
        names: [name.into(), name.into()],
        data: data.into(),
        method: 8,
        packed: None,
        system: 3,
        mode: 0o100_644,
        flags: 0,
        lie: 0,
        descriptor: false,
        zip64: false,
        offset: None,
    }
}

#[derive(Default)]
pub(crate) struct Zip {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    count: u16,
}

impl Zip {
    pub(crate) fn with_dockerfile() -> Self {
        Self::default().file("Dockerfile", DOCKERFILE)
    }

    pub(crate) fn file(self, name: &str, data: &[u8]) -> Self {
        self.add(&packed(name, data))
    }

    pub(crate) fn symlink(self, name: &str, target: &str) -> Self {
        self.add(&Packed { mode: 0o120_777, ..packed(name, target.as_bytes()) })
    }

    pub(crate) fn add(mut self, file: &Packed) -> Self {
        let data = match (&file.packed, file.method) {
            (Some(packed), _) => packed.clone(),
            (None, 8) => deflate(&file.data),
            (None, _) => file.data.clone(),
        };
        let offset = file.offset.unwrap_or(short(self.bytes.len()));
        let crc = flate_crc(&file.data).wrapping_add(file.lie);
        let sizes = [short(data.len()), short(file.data.len()).wrapping_add(file.lie)];
        let flags = file.flags | if file.descriptor { 8 } else { 0 };
        let extra = if file.zip64 {
            // In the order of the format: unpacked, then packed.
            let wide = [sizes[1], sizes[0]].map(|size| u64::from(size).to_le_bytes()).concat();
            [&[1, 0, 16, 0][..], &wide].concat()
        } else {
            Vec::new()
        };
        let said = if file.zip64 { [u32::MAX; 2] } else { sizes };
        let common = |crc: u32, sizes: [u32; 2]| {
            let mut fields = Vec::new();
            for field in [20, flags, file.method, 0x6000, 0x5a21] {
                fields.extend_from_slice(&field.to_le_bytes());
            }
            for field in [crc, sizes[0], sizes[1]] {
                fields.extend_from_slice(&field.to_le_bytes());
            }
            fields
        };
        let lengths = |name: &[u8]| {
            let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap().to_le_bytes();
            [length(name), length(&extra)].concat()
        };
        let local = if file.descriptor { common(0, [0, 0]) } else { common(crc, said) };
        for part in
            [b"PK\x03\x04", &local[..], &lengths(&file.names[1]), &file.names[1], &extra, &data]
        {
            self.bytes.extend_from_slice(part);
        }
        if file.descriptor {
            self.bytes.extend_from_slice(b"PK\x07\x08");
            for field in [crc, sizes[0], sizes[1]] {
                self.bytes.extend_from_slice(&field.to_le_bytes());
            }
        }
        for part in [
            &b"PK\x01\x02"[..],
            &[30, file.system],
            &common(crc, said),
            &lengths(&file.names[0]),
            &[0; 6],
            &(file.mode << 16).to_le_bytes(),
            &offset.to_le_bytes(),
            &file.names[0],
            &extra,
        ] {
            self.directory.extend_from_slice(part);
        }
        self.count += 1;
        self
    }

    pub(crate) fn end(self) -> Vec<u8> {
        self.end_with(b"")
    }

    pub(crate) fn end_with(mut self, comment: &[u8]) -> Vec<u8> {
        let start = short(self.bytes.len());
        self.bytes.extend_from_slice(&self.directory);
        let count = self.count.to_le_bytes();
        for part in [
            &b"PK\x05\x06"[..],
            &[0; 4],
            &count,
            &count,
            &short(self.directory.len()).to_le_bytes(),
            &start.to_le_bytes(),
            &u16::try_from(comment.len()).unwrap().to_le_bytes(),
            comment,
        ] {
            self.bytes.extend_from_slice(part);
        }
        self.bytes
    }
}

pub(crate) fn deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn flate_crc(data: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(data);
    crc.sum()
}

fn short(count: usize) -> u32 {
    u32::try_from(count).unwrap()
}
