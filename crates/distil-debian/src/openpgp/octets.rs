//! Numbers and strings of bytes one after another, as OpenPGP writes them (RFC 9580, section 3).

/// What is left of some bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Octets<'a>(&'a [u8]);

impl<'a> Octets<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes all that is left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    /// Takes `count` bytes; `None` if fewer are left, as for everything here.
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// A multiprecision integer (section 3.2), without zeros in front.
    pub(super) fn integer(&mut self) -> Option<&'a [u8]> {
        let bits = usize::from(self.u16()?);
        let mut bytes = self.take(bits.div_ceil(8))?;
        while let [0, rest @ ..] = bytes {
            bytes = rest;
        }
        Some(bytes)
    }
}

/// How many bits a number has that is written without zeros in front.
pub(super) fn bits(number: &[u8]) -> usize {
    match number {
        [] => 0,
        [first, ..] => number.len() * 8 - first.leading_zeros() as usize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        let mut octets = Octets::new(&[0, 9, 1, 0xFF, 0, 17, 0, 0, 5, 0, 8]);
        assert_eq!(octets.integer(), Some(&[1, 0xFF][..]));
        assert_eq!(octets.integer(), Some(&[5][..]));
        assert_eq!(octets.integer(), None);
        assert_eq!(bits(&[1, 0xFF]), 9);
        assert_eq!(bits(&[]), 0);
    }
}
