/// The head of one record of a journal: what its payload is and how to know it undamaged.
///
/// In the file: 48 bytes of head, the payload, 8 bytes of payload checksum (`docs/trace-format.md`).
struct JournalRecord: Hashable {
  enum Kind: UInt8 {
    /// What is being recorded; the first record.
    case start = 1
    /// One stored block of a call's feature.
    case block = 2
    /// Ends a call: its numbers, the count of its blocks and the chained hash.
    case call = 3
    /// One stored block of a chunk's final latent.
    case finalBlock = 4
    /// Ends a final latent.
    case final = 5
    /// The recording came to its end.
    case end = 6
  }

  var kind: Kind
  /// Place of the tap on the model's line; ``none`` for other kinds than `block`.
  var tap = JournalRecord.none
  /// Chosen at random for each journal, so that no other recording's bytes can be mistaken for its own.
  var rollout: UInt64
  /// Records before this one.
  var sequence: UInt64
  /// The call, or for final latents the chunk.
  var ordinal: UInt32 = 0
  /// Which block of the tensor.
  var block: UInt32 = 0
  /// Bytes of the block before filtering.
  var rawByteCount: UInt32 = 0
  var payloadByteCount: UInt32

  static let none = UInt16.max
  static let version: UInt8 = 2
  static let headByteCount = 48
  static let checksumByteCount = 8
  private static let magic: UInt32 = 0x4a54_4357  // "WCTJ"

  /// Bytes of a whole record with a payload of `count` bytes.
  static func byteCount(of count: Int) -> Int { headByteCount + count + checksumByteCount }

  /// Bytes of the whole record.
  var byteCount: Int { Self.byteCount(of: Int(payloadByteCount)) }

  /// The checksums of a record: of its head, and of its payload.
  typealias Sums = (head: UInt64, payload: UInt64)

  /// Completes a record whose payload lies in its place in `bytes`: writes head and checksum around it.
  func seal(_ bytes: UnsafeMutableRawBufferPointer) -> Sums {
    var fields = FieldWriter()
    fields.put(Self.magic)
    fields.put(Self.version)
    fields.put(kind.rawValue)
    fields.put(tap)
    fields.put(rollout)
    fields.put(sequence)
    fields.put(ordinal)
    fields.put(block)
    fields.put(rawByteCount)
    fields.put(payloadByteCount)
    let head = fields.bytes.withUnsafeBytes { xxh64($0) }
    fields.put(head)
    bytes.copyBytes(from: fields.bytes)
    let end = Self.headByteCount + Int(payloadByteCount)
    let sum = xxh64(UnsafeRawBufferPointer(rebasing: bytes[Self.headByteCount..<end]), seed: head)
    bytes.storeBytes(of: sum.littleEndian, toByteOffset: end, as: UInt64.self)
    return (head, sum)
  }

  /// Whether a file starts with a head of a journal of version 1, which had nothing before it.
  static func startsAsFirstVersion(_ bytes: [UInt8]) -> Bool {
    bytes.starts(with: "WCTJ".utf8) && bytes.dropFirst(4).first == 1
  }

  /// Why bytes are no head.
  enum Refusal: Error {
    case damaged
    case newer(version: UInt8)
  }

  /// Reads a head of exactly ``headByteCount`` bytes; also returns its checksum.
  static func head(_ bytes: [UInt8]) throws(Refusal) -> (record: JournalRecord, checksum: UInt64) {
    let checked = bytes.dropLast(checksumByteCount).withUnsafeBytes { xxh64($0) }
    var newer: UInt8?
    do throws(FieldReader.Failure) {
      var fields = FieldReader(bytes[...])
      let magic: UInt32 = try fields.integer()
      let version: UInt8 = try fields.integer()
      let kind = Kind(rawValue: try fields.integer())
      let record = JournalRecord(
        kind: kind ?? .end, tap: try fields.integer(), rollout: try fields.integer(),
        sequence: try fields.integer(), ordinal: try fields.integer(), block: try fields.integer(),
        rawByteCount: try fields.integer(), payloadByteCount: try fields.integer())
      let checksum: UInt64 = try fields.integer()
      try fields.requireEnd()
      if magic == Self.magic, checksum == checked {
        if version > Self.version { newer = version }
        if version == Self.version, kind != nil { return (record, checksum) }
      }
    } catch {}
    throw newer.map { .newer(version: $0) } ?? .damaged
  }
}
