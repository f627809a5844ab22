import Foundation
import Trace

/// Reads mutants of one sound file and compares them with it.
struct Examiner {
  private let attack: Attack
  private let folder: String
  private let base: [UInt8]
  private var digest = ""
  // Where each commit of the base journal ends, and the digest of what is recovered up to there.
  private var stages: [(end: Int, digest: String)] = []

  init(_ attack: Attack, in folder: String) throws {
    self.attack = attack
    self.folder = folder
    base = try Bases.bytes(of: attack.base)
    switch attack.kind {
    case .damagedTrace, .craftedTrace: digest = try Self.digest(of: attack.base)
    case .damagedJournal, .craftedJournal:
      var offset = CraftedJournal.reservedByteCount
      while offset < base.count {
        let kind = base[offset + 5]
        offset += 56 + Int(base.number(4, at: offset + 36))
        guard [3, 5, 6].contains(kind) else { continue }
        stages.append((offset, try recovered(Array(base[..<offset]))))
      }
      digest = stages.last?.digest ?? ""
    }
  }

  /// The verdict, and what there is to say about it.
  func verdict(on mutant: [UInt8]) -> (Verdict, String) {
    do {
      switch attack.kind {
      case .damagedTrace:
        let path = try write(mutant, "mutant.h5")
        let found = try Self.digest(of: path)
        return found == digest ? (.same, "") : (.silent, "digest \(found) in place of \(digest)")
      case .damagedJournal:
        // What stands in front belongs to nobody until the journal is a trace.
        let change =
          zip(base, mutant).enumerated().first { $0 >= CraftedJournal.reservedByteCount && $1.0 != $1.1 }?
          .offset
          ?? min(base.count, mutant.count)
        let expected = stages.last { $0.end <= change }?.digest
        do {
          let found = try recovered(mutant)
          return found == expected
            ? (found == digest ? .same : .refused, "rest refused") : (.silent, "calls are lost or wrong")
        } catch let error as TraceError {
          // Only a journal without a whole call gives nothing.
          return expected == nil ? (.refused, error.code.rawValue) : (.silent, "calls are lost: \(error)")
        }
      case .craftedTrace: return try soundness(of: try write(mutant, "mutant.h5"))
      case .craftedJournal:
        let journal = try write(mutant, "mutant.h5.wcj")
        let path = folder + "/mutant.h5"
        _ = try TraceRecovery(of: journal, to: path, overwrite: true)
        return try soundness(of: path)
      }
    } catch let error as TraceError {
      return (.refused, error.code.rawValue)
    } catch {
      return (.untyped, "\(error)")
    }
  }

  // What is accepted must be what the recorder could have written.
  private func soundness(of path: String) throws -> (Verdict, String) {
    let found = try Self.digest(of: path)
    guard found != digest else { return (.same, "") }
    do throws(TraceError) {
      let again = folder + "/again.h5"
      try Self.record(try TraceReader(path: path), to: again)
      let second = try Self.digest(of: again)
      return second == found ? (.otherSound, "") : (.contradiction, "recorded anew it differs")
    } catch {
      return (.contradiction, "\(error)")
    }
  }

  private func recovered(_ journal: [UInt8]) throws -> String {
    let path = folder + "/mutant.h5"
    _ = try TraceRecovery(of: try write(journal, "mutant.h5.wcj"), to: path, overwrite: true)
    return try Self.digest(of: path)
  }

  private func write(_ bytes: [UInt8], _ name: String) throws -> String {
    let path = folder + "/" + name
    try Data(bytes).write(to: URL(filePath: path))
    return path
  }

  private static func digest(of path: String) throws(TraceError) -> String {
    try TraceVerification(of: try TraceReader(path: path)).digest.description
  }

  private static func record(_ reader: TraceReader, to path: String) throws(TraceError) {
    var layouts: [String: TokenTable] = [:]
    var names: [Tap: String] = [:]
    for tap in reader.taps {
      let layout = try reader.layout(of: tap)
      layouts[layout.name] = layout
      names[tap] = layout.name
    }
    let writer = try TraceWriter(
      path: path, header: reader.header, layouts: Array(layouts.values), taps: names,
      callCount: reader.plannedCallCount, dtype: reader.dtype, durability: .none, overwrite: true)
    for call in reader.calls {
      var features: [Tap: Tensor] = [:]
      var states: [Tap: TapState] = [:]
      var seconds: [Tap: Double] = [:]
      for tap in reader.taps {
        let state = try reader.state(of: tap, call: call.ordinal)
        states[tap] = state
        if state != .absent { features[tap] = try reader.feature(tap, call: call.ordinal) }
      }
      for tap in Tap.line(blockCount: reader.header.blockCount) {
        seconds[tap] = try reader.stretchSeconds(of: tap)[call.ordinal]
      }
      try writer.append(call, states: states, stretchSeconds: seconds, features: features)
    }
    do throws(TraceError) {
      for chunk in 0..<reader.header.chunkCount {
        try writer.setFinal(chunk: chunk, try reader.final(chunk: chunk))
      }
    } catch {
      guard error.code == .lacking else { throw error }
    }
    if reader.calls.count == reader.plannedCallCount { return try writer.finish() }
    writer.abandon()
    _ = try TraceRecovery(of: path + ".wcj", to: path, overwrite: true)
  }
}
