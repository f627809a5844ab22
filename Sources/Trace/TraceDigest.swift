/// A number that tells traces apart by what they say, however they are stored.
///
/// It covers the header, the layouts in use, every call with its states and times, every tensor and
/// every final latent, and depends on neither compression, blocks nor the order in the file. The chain
/// of 64-bit XXH64 hashes is defined in `docs/trace-format.md`; it finds accidents, not forgeries.
public struct TraceDigest: Hashable, Sendable, CustomStringConvertible {
  var value: UInt64

  init(_ value: UInt64) {
    self.value = value
  }

  /// Reads 16 hexadecimal digits; nil for anything else.
  public init?(_ text: String) {
    guard let value = UInt64(text, radix: 16), TraceDigest(value).description == text else { return nil }
    self.value = value
  }

  /// 16 hexadecimal digits.
  public var description: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// The digest of a recording whose tensors have been hashed.
  init(
    of description: TraceDescription, calls: some Sequence<RecordedCall>, finalHashes: some Sequence<UInt64>
  ) {
    self.init(of: description)
    for call in calls { add(call) }
    for hash in finalHashes { add(finalHash: hash) }
  }

  /// The digest before the first call.
  init(of description: TraceDescription) {
    // The order of layouts, and layouts that no tap has, are no part of what a trace says.
    var description = description
    let names = Set(description.taps.values)
    description.layouts = description.layouts.filter { names.contains($0.name) }
      .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    var fields = FieldWriter()
    description.write(to: &fields, includesCoding: false)
    value = fields.bytes.withUnsafeBytes { xxh64($0) }
  }

  mutating func add(_ call: RecordedCall) {
    var fields = FieldWriter()
    call.write(to: &fields)
    value = fields.bytes.withUnsafeBytes { xxh64($0, seed: value) }
  }

  mutating func add(finalHash: UInt64) {
    value = withUnsafeBytes(of: finalHash.littleEndian) { xxh64($0, seed: value) }
  }
}
