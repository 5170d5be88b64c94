//! A byte queue.

/// Bytes that wait: written at the end, consumed from the front, in one piece of memory.
///
/// The memory is kept between uses; [`Buffer::default`] holds none.
#[derive(Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    /// An empty queue with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Buffer {
        Buffer {
            bytes: vec![0; capacity],
            start: 0,
            end: 0,
        }
    }

    /// A queue that holds `data` in exactly as much memory as it needs.
    pub fn holding(data: &[u8]) -> Buffer {
        Buffer {
            bytes: data.to_vec(),
            start: 0,
            end: data.len(),
        }
    }

    /// The waiting bytes, oldest first.
    pub fn data(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// How many bytes wait.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether no byte waits.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The bytes of memory held, used or not.
    pub fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// The free room behind the waiting bytes; fill a prefix of it, then [`Buffer::commit`].
    pub fn space(&mut self) -> &mut [u8] {
        &mut self.bytes[self.end..]
    }

    /// Adds the first `count` bytes of [`Buffer::space`] to the queue.
    pub fn commit(&mut self, count: usize) {
        debug_assert!(count <= self.bytes.len() - self.end);
        self.end = (self.end + count).min(self.bytes.len());
    }

    /// Removes the oldest `count` bytes.
    pub fn consume(&mut self, count: usize) {
        debug_assert!(count <= self.len());
        self.start = (self.start + count).min(self.end);
        if self.start == self.end {
            self.clear();
        }
    }

    /// Forgets every waiting byte and keeps the memory.
    pub fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }

    /// Adds `data`, growing where the room does not suffice: for writers that must not be refused.
    /// Who calls this bounds the queue.
    pub fn append(&mut self, data: &[u8]) {
        if self.bytes.len() - self.end < data.len() {
            self.make_room(data.len());
        }
        self.bytes[self.end..self.end + data.len()].copy_from_slice(data);
        self.end += data.len();
    }

    fn make_room(&mut self, more: usize) {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.bytes.len() < self.end + more {
            self.bytes.resize(self.end + more, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_in_the_order_in_which_they_came() {
        let mut buffer = Buffer::with_capacity(4);
        buffer.space()[..3].copy_from_slice(b"abc");
        buffer.commit(3);
        buffer.consume(2);
        buffer.append(b"defgh");
        assert_eq!(buffer.data(), b"cdefgh");
        buffer.consume(6);
        assert!(buffer.is_empty());
    }

    #[test]
    fn consuming_everything_gives_the_whole_room_back() {
        let mut buffer = Buffer::with_capacity(4);
        buffer.append(b"abcd");
        assert_eq!(buffer.space().len(), 0);
        buffer.consume(4);
        assert_eq!(buffer.space().len(), 4);
    }

    #[test]
    fn appending_reuses_consumed_room_before_it_grows() {
        let mut buffer = Buffer::with_capacity(8);
        buffer.append(b"abcdef");
        buffer.consume(5);
        buffer.append(b"ghijk");
        assert_eq!(buffer.data(), b"fghijk");
        assert_eq!(buffer.capacity(), 8);
    }

    #[test]
    fn a_default_buffer_holds_no_memory() {
        assert_eq!(Buffer::default().capacity(), 0);
    }
}
