import Foundation
import TestSupport
import Trace

/// The sound files that mutants are made from, in a folder of their own.
struct Bases {
  let folder: String

  /// Every kind of content, six tokens; HDF5 keeps most of its metadata for it.
  var sample: String { folder + "/sample.h5" }
  /// The same without a digest, so that nothing but the rules of the format can refuse other contents.
  var plain: String { folder + "/plain.h5" }
  /// Tensors of several blocks, float16, 2 MB.
  var grid: String { folder + "/grid.h5" }
  var sampleJournal: String { folder + "/sample.journal" }
  var gridJournal: String { folder + "/grid.journal" }

  /// Writes all of them; throws when the file without a digest cannot be made.
  func write() throws {
    try keepingJournal(sample, as: sampleJournal) { try SampleTrace.record(to: sample) }
    try keepingJournal(grid, as: gridJournal) { try Self.recordGrid(to: grid) }
    // Nothing finds an attribute whose name in the heap is not the one in the index.
    var bytes = try Self.bytes(of: sample)
    let map = HDF5Map(bytes)
    for structure in map.structures where structure.kind == "FHDB" {
      for offset in structure.range
      where bytes.starts(Array("digest\0".utf8), at: offset) && bytes[offset - 1] != UInt8(ascii: "_") {
        bytes[offset] = UInt8(ascii: "D")
      }
      HDF5Map.seal(structure, in: &bytes)
    }
    try Data(bytes).write(to: URL(filePath: plain))
    guard try TraceReader(path: plain).digest == nil else {
      throw TraceError(
        .invalid, path: plain, "the digest is still there; has the layout of attributes changed?")
    }
  }

  static func bytes(of path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path))) }

  private func keepingJournal(_ path: String, as journal: String, _ record: () throws -> TraceWriter) throws {
    try record().finishKeepingJournal().write(to: URL(filePath: journal))
  }

  /// Records three calls with a tensor of two blocks, up to, not including, `finish()`; a call takes several
  /// writes. `afterWrite` is called at the start and after each call.
  static func recordGrid(
    to path: String, durability: Durability = .none, afterWrite: (TraceWriter) throws -> Void = { _ in }
  ) throws -> TraceWriter {
    let layout = TokenTable(
      name: "grid", modalities: ["rgb"], channelCount: 512,
      tokens: (0..<600).map {
        TokenTable.Token(modality: 0, frame: 0, row: $0 / 25, column: $0 % 25, validChannels: 512)
      })
    let writer = try TraceWriter(
      path: path,
      header: TraceHeader(
        model: "grid", solver: "euler", shift: 1, stepCount: 3, blockCount: 1, recorder: "tests"),
      layouts: [layout], taps: [.hidden(0): "grid"], callCount: 3, dtype: .float16, durability: durability)
    try afterWrite(writer)
    var dice = Dice(seed: 1, index: 0)
    for step in 0..<3 {
      let values = (0..<600 * 512).map { _ in Float(dice.below(4096)) / 1024 - 2 }
      try writer.append(
        Call(ordinal: step, step: step, position: step, timestep: 0, sigma: 1, weight: 1),
        features: [.hidden(0): Tensor(rows: 600, columns: 512, values: values)])
      try afterWrite(writer)
    }
    return writer
  }
}
