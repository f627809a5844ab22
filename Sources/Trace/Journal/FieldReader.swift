/// Takes back what ``FieldWriter`` lined up, and never reads past the end.
struct FieldReader {
  /// The bytes end too early or hold something that no writer puts there.
  struct Failure: Error {}

  private let bytes: ArraySlice<UInt8>
  private var offset: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    offset = bytes.startIndex
  }

  /// Bytes that are left.
  var byteCount: Int { bytes.endIndex - offset }

  mutating func take(_ count: Int) throws(Failure) -> ArraySlice<UInt8> {
    guard count >= 0, count <= byteCount else { throw Failure() }
    defer { offset += count }
    return bytes[offset..<offset + count]
  }

  mutating func integer<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) throws(Failure)
    -> Number
  {
    try take(MemoryLayout<Number>.size).reversed().reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
  }

  /// A 64-bit number that must fit `Int`.
  mutating func int() throws(Failure) -> Int { Int(try integer(Int64.self)) }

  mutating func double() throws(Failure) -> Double { Double(bitPattern: try integer()) }

  mutating func string() throws(Failure) -> String {
    let count = Int(try integer(UInt32.self))
    guard count <= HDF5Attributes.longestString,
      let text = String(validating: try take(count), as: UTF8.self)
    else { throw Failure() }
    return text
  }

  /// A count of things that take at least `byteCount` bytes each, so that no claim can ask for more
  /// memory than the bytes bear out.
  mutating func count(of byteCount: Int) throws(Failure) -> Int {
    let count = Int(try integer(UInt32.self))
    guard count <= self.byteCount / byteCount else { throw Failure() }
    return count
  }

  func requireEnd() throws(Failure) {
    guard byteCount == 0 else { throw Failure() }
  }
}
