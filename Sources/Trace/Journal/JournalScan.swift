/// Reads a journal from its start to the first place that is not as a recorder wrote it.
///
/// Everything up to the last commit before that place is certain: each record has two checksums, its
/// number and its recording's random id, and each commit the hash of all that came before. What
/// follows was never acknowledged, or is damaged; either way it is left out.
struct JournalScan {
  private(set) var contents: JournalContents
  /// Where and why reading stopped before the end of the file; nil when all bytes are accounted for.
  private(set) var finding: (offset: Int, reason: String)?

  private let file: JournalFile
  private var rollout: UInt64 = 0
  private var offset = 0
  private var sequence: UInt64 = 0
  private var chain: UInt64 = 0
  // Blocks since the last commit: their heads, and where they lie.
  private var pending: [(record: JournalRecord, offset: Int)] = []

  private struct Stop: Error {
    var reason: String
  }

  /// Throws `notATrace`, `newerVersion` or `corrupt` when the journal's first record is no use.
  init(_ file: JournalFile) throws(TraceError) {
    self.file = file
    let (record, payload) = try Self.start(of: file)
    contents = JournalContents(try TraceDescription(from: payload.bytes, path: file.path))
    rollout = record.rollout
    chain = Self.chained(0, payload.headSum, payload.sum)
    offset = JournalFile.reservedByteCount + record.byteCount
    sequence = 1
    contents.byteCount = offset
    do {
      // Behind the end may be what an interrupted finish left.
      while offset < file.byteCount, !contents.isEnded { try readRecord() }
      if let first = pending.first {
        finding = (first.offset, "the blocks of an unfinished call follow")
      }
    } catch let stop as Stop {
      finding = (offset, stop.reason)
    } catch let error as TraceError {
      throw error
    } catch {
      finding = (offset, "the record cannot be understood")
    }
  }

  /// The chained hash after one more record.
  static func chained(_ chain: UInt64, _ head: UInt64, _ payload: UInt64) -> UInt64 {
    [head.littleEndian, payload.littleEndian].withUnsafeBytes { xxh64($0, seed: chain) }
  }

  /// A payload with the checksums of its record.
  struct Payload {
    var bytes: [UInt8]
    var headSum: UInt64
    var sum: UInt64
  }

  /// Reads the record at `offset` and checks both of its checksums; nil where there is no sound one.
  static func record(in file: JournalFile, at offset: Int) throws(TraceError) -> (JournalRecord, Payload)? {
    let bytes = try file.read(JournalRecord.headByteCount, at: offset)
    guard let (record, headSum) = try? JournalRecord.head(bytes),
      Int(record.payloadByteCount) <= file.byteCount - offset - JournalRecord.headByteCount
    else { return nil }
    let checksumByteCount = JournalRecord.checksumByteCount
    var payload = try file.read(
      Int(record.payloadByteCount) + checksumByteCount, at: offset + JournalRecord.headByteCount)
    guard payload.count == Int(record.payloadByteCount) + checksumByteCount else { return nil }
    let stored = payload.suffix(checksumByteCount).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    payload.removeLast(checksumByteCount)
    let sum = payload.withUnsafeBytes { xxh64($0, seed: headSum) }
    guard sum == stored else { return nil }
    return (record, Payload(bytes: payload, headSum: headSum, sum: sum))
  }

  private static func start(of file: JournalFile) throws(TraceError) -> (JournalRecord, Payload) {
    let first = JournalFile.reservedByteCount
    do throws(JournalRecord.Refusal) {
      _ = try JournalRecord.head(file.head(at: first))
    } catch {
      switch error {
      case .newer(let version):
        throw TraceError(
          .newerVersion, path: file.path,
          "the journal has version \(version), this program reads up to \(JournalRecord.version)")
      case .damaged where (try? file.head(at: 0)).map(JournalRecord.startsAsFirstVersion) == true:
        throw TraceError(
          .notATrace, path: file.path,
          "the journal has version 1, which only unreleased programs wrote; this program reads version 2")
      case .damaged:
        throw TraceError(
          .notATrace, path: file.path, at: "byte \(first)",
          file.byteCount == 0 ? "the journal is empty" : "this does not start as a journal, or is damaged")
      }
    }
    guard let (record, payload) = try record(in: file, at: first), record.kind == .start,
      record.sequence == 0
    else {
      throw TraceError(
        .corrupt, path: file.path, at: "byte \(first)", "the journal's first record is cut off or damaged")
    }
    return (record, payload)
  }

  private mutating func readRecord() throws {
    guard let (record, payload) = try Self.record(in: file, at: offset) else {
      throw Stop(reason: "the record there is cut off or fails its checksum")
    }
    guard record.rollout == rollout, record.sequence == sequence else {
      throw Stop(reason: "the record there does not belong here")
    }
    switch record.kind {
    case .block, .finalBlock: pending.append((record, offset))
    case .call, .final, .end:
      try commit(record, payload.bytes)
      contents.byteCount = offset + record.byteCount
    case .start: throw Stop(reason: "a second recording starts there")
    }
    chain = Self.chained(chain, payload.headSum, payload.sum)
    sequence += 1
    offset += record.byteCount
  }

  private mutating func commit(_ record: JournalRecord, _ payload: [UInt8]) throws {
    let contradiction = Stop(reason: "the commit there contradicts the records before it")
    var fields = FieldReader(payload[...])
    guard try fields.integer(UInt64.self) == chain, Int(try fields.integer(UInt32.self)) == pending.count
    else { throw contradiction }
    let description = contents.description
    let ordinal = Int(record.ordinal)
    let blocks = pending.map { JournalContents.Block($0.record, at: $0.offset) }
    switch record.kind {
    case .call:
      let call = try RecordedCall(from: &fields, of: description)
      guard description.problem(with: call.call, after: contents.calls.count) == nil,
        call.call.ordinal == ordinal, hasBlocks(of: call)
      else { throw contradiction }
      contents.calls.append(call)
      contents.blocks += blocks
    case .final:
      guard ordinal < description.header.chunkCount, contents.finals[ordinal] == nil,
        let layout = description.finalLayout,
        hasBlocks(.finalBlock, JournalRecord.none, ordinal, of: layout, .float32, in: pending[...])
      else { throw contradiction }
      contents.finals[ordinal] = JournalContents.Final(blocks: blocks, hash: try fields.integer())
    case .end:
      guard pending.isEmpty, contents.calls.count == description.plannedCallCount else { throw contradiction }
      contents.isEnded = true
    case .start, .block, .finalBlock: throw contradiction
    }
    try fields.requireEnd()
    pending = []
  }

  // Whether the pending blocks are those of the call's features, tap by tap.
  private func hasBlocks(of call: RecordedCall) -> Bool {
    let description = contents.description
    var rest = pending[...]
    for (tap, state) in zip(description.recordedTaps, call.states) where state != .absent {
      guard let layout = description.layout(of: tap), let place = description.line.firstIndex(of: tap)
      else { return false }
      let element = description.element
      let count = TraceDescription.blockShape(of: layout, element).count
      guard
        hasBlocks(.block, UInt16(place), call.call.ordinal, of: layout, element, in: rest.prefix(count))
      else { return false }
      rest = rest.dropFirst(count)
    }
    return rest.isEmpty
  }

  private func hasBlocks(
    _ kind: JournalRecord.Kind, _ tap: UInt16, _ ordinal: Int, of layout: TokenTable, _ element: HDF5Element,
    in blocks: ArraySlice<(record: JournalRecord, offset: Int)>
  ) -> Bool {
    let shape = TraceDescription.blockShape(of: layout, element)
    return blocks.count == shape.count
      && zip(blocks, 0..<shape.count).allSatisfy { block, index in
        block.record.kind == kind && block.record.tap == tap && Int(block.record.ordinal) == ordinal
          && Int(block.record.block) == index && Int(block.record.rawByteCount) == shape.blockByteCount
      }
  }
}

extension JournalFile {
  /// The bytes of a head.
  fileprivate func head(at offset: Int) throws(JournalRecord.Refusal) -> [UInt8] {
    guard let bytes = try? read(JournalRecord.headByteCount, at: offset) else { throw .damaged }
    return bytes
  }
}
