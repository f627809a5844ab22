/// Lines up numbers and texts as little-endian bytes.
struct FieldWriter {
  private(set) var bytes: [UInt8] = []

  mutating func put(_ number: some FixedWidthInteger) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func put(_ number: Double) { put(number.bitPattern) }

  /// A text as its length in bytes (4 bytes), then UTF-8.
  mutating func put(_ text: String) {
    put(UInt32(text.utf8.count))
    bytes.append(contentsOf: text.utf8)
  }

  mutating func put(_ more: [UInt8]) { bytes.append(contentsOf: more) }
}
