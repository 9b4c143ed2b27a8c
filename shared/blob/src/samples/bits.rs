//! Writes bits, most significant first, as JPEG and H.264 want them.

/// Bits gathered into bytes.
#[derive(Default)]
pub(super) struct Bits {
    /// Whole bytes so far.
    pub(super) bytes: Vec<u8>,
    pending: u8,
    count: u8,
}

impl Bits {
    /// The lowest `count` bits of `value`.
    pub(super) fn put(&mut self, value: u32, count: u8) {
        for shift in (0..count).rev() {
            self.pending = self.pending << 1 | u8::try_from(value >> shift & 1).expect("one bit");
            self.count += 1;
            if self.count == 8 {
                self.bytes.push(self.pending);
                (self.pending, self.count) = (0, 0);
            }
        }
    }

    /// Fills the last byte with `bit`.
    pub(super) fn align(&mut self, bit: u32) {
        while self.count != 0 {
            self.put(bit, 1);
        }
    }

    /// Exp-Golomb code of H.264: ue(v).
    pub(super) fn golomb(&mut self, value: u32) {
        let length = u8::try_from(32 - (value + 1).leading_zeros()).expect("at most 32 bits");
        self.put(0, length - 1);
        self.put(value + 1, length);
    }
}
