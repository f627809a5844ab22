/// Little-endian numbers within bytes.
extension [UInt8] {
  func number(_ width: Int, at offset: Int) -> UInt64 {
    self[offset..<offset + width].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  mutating func put(_ number: UInt64, _ width: Int, at offset: Int) {
    for byte in 0..<Swift.min(width, count - offset) {
      self[offset + byte] = UInt8(truncatingIfNeeded: number >> UInt64(8 * byte))
    }
  }

  func starts(_ prefix: [UInt8], at offset: Int) -> Bool {
    offset + prefix.count <= count && prefix.indices.allSatisfy { self[offset + $0] == prefix[$0] }
  }
}
