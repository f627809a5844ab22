import TestSupport
import Trace

/// Journals changed with knowledge of the format: checksums, numbers and chain are right again.
struct CraftedJournal {
  private struct Record {
    var head: [UInt8]
    var payload: [UInt8]
  }

  /// Bytes in front that belong to nobody.
  static let reservedByteCount = 48
  private static let headByteCount = 48
  private let records: [Record]

  init(_ base: [UInt8]) {
    var records: [Record] = []
    var offset = Self.reservedByteCount
    while offset < base.count {
      let start = offset + Self.headByteCount
      let end = start + Int(base.number(4, at: offset + 36))
      records.append(Record(head: Array(base[offset..<start]), payload: Array(base[start..<end])))
      offset = end + 8
    }
    self.records = records
  }

  func mutant(_ dice: inout Dice) -> [UInt8] {
    var records = records
    for _ in 0..<dice.pick([1, 1, 1, 2, 3]) {
      let place = dice.below(10) < 3 ? 0 : dice.below(records.count)
      switch dice.below(12) {
      case 0: records.insert(records[place], at: dice.below(records.count))
      case 1: if records.count > 1 { records.remove(at: place) }
      case 2: records.swapAt(place, dice.below(records.count))
      case 3..<6: changeHead(of: &records[place], &dice)
      default: changePayload(of: &records[place], &dice)
      }
    }
    return sealed(records, renumbers: dice.below(8) > 0, recounts: dice.below(8) > 0, &dice)
  }

  // Kind, tap, rollout, number, call, block and size before filtering.
  private func changeHead(of record: inout Record, _ dice: inout Dice) {
    let (offset, width) = dice.pick([(4, 1), (5, 1), (6, 2), (8, 8), (16, 8), (24, 4), (28, 4), (32, 4)])
    let number =
      offset == 5
      ? UInt64(dice.below(8))
      : dice.interestingNumber(near: record.head.number(width, at: offset), fileByteCount: 4096)
    record.head.put(number, width, at: offset)
  }

  private func changePayload(of record: inout Record, _ dice: inout Dice) {
    guard record.payload.count > 8 else { return }
    switch dice.below(8) {
    case 0: record.payload.removeLast(1 + dice.below(record.payload.count))
    case 1: record.payload += (0..<1 + dice.below(64)).map { _ in UInt8(dice.below(256)) }
    case 2:
      let start = dice.below(record.payload.count)
      record.payload.removeSubrange(start..<min(record.payload.count, start + 1 + dice.below(16)))
    case 3: record.payload = dice.pick(records).payload
    default:
      let offset = dice.below(record.payload.count)
      let width = min(dice.pick([1, 2, 4, 8]), record.payload.count - offset)
      let number = dice.interestingNumber(near: record.payload.number(width, at: offset), fileByteCount: 4096)
      record.payload.put(number, width, at: offset)
    }
  }

  private func sealed(_ records: [Record], renumbers: Bool, recounts: Bool, _ dice: inout Dice) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Self.reservedByteCount)
    var (chain, pending) = (UInt64(0), 0)
    for (sequence, record) in records.enumerated() {
      var (head, payload) = (record.head, record.payload)
      let isCommit = [3, 5, 6].contains(head[5])
      if isCommit, payload.count >= 12 {
        payload.put(chain, 8, at: 0)
        if recounts { payload.put(UInt64(pending), 4, at: 8) }
      }
      pending = isCommit ? 0 : head[5] == 1 ? pending : pending + 1
      if renumbers { head.put(UInt64(sequence), 8, at: 16) }
      // Now and then a size that the file does not bear out.
      let claimed =
        dice.below(200) == 0 ? dice.interestingNumber(near: 0, fileByteCount: 1 << 30) : UInt64(payload.count)
      head.put(claimed, 4, at: 36)
      let headSum = head[..<40].withUnsafeBytes { xxh64($0) }
      head.put(headSum, 8, at: 40)
      let sum = payload.withUnsafeBytes { xxh64($0, seed: headSum) }
      bytes += head + payload
      var tail = [UInt8](repeating: 0, count: 8)
      tail.put(sum, 8, at: 0)
      bytes += tail
      chain = [headSum.littleEndian, sum.littleEndian].withUnsafeBytes { xxh64($0, seed: chain) }
    }
    return bytes
  }
}
