public import ArgumentParser
import Foundation
import Trace
import WorldCache
import WorldModel

extension StorageType: ExpressibleByArgument {}
extension Durability: ExpressibleByArgument {}

/// `wctrace record`: one full, uncached rollout of the bundled model into a trace.
struct Record: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Record a full, uncached rollout of the bundled world model.",
    discussion: """
      Calls go to a journal beside the output, OUTPUT.wcj, and become the trace when the rollout is complete, so a \
      file under the output's name is always whole. After an interruption, 'wctrace recover OUTPUT.wcj' makes a trace \
      of the calls recorded so far.
      """)

  @Option(name: .shortAndLong, help: "The trace to write (.h5).")
  var output: String

  @Option(help: "Seed of the scene; from 1000000 on the model has not seen it.")
  var scene = 1_000_000

  @Option(help: "Seed of the initial noise.")
  var noise = 0

  @Option(help: "Chunks, each continuing the last frames of the one before.")
  var chunks = 1

  @Option(help: "Taps to record, joined by commas.")
  var taps = Record.defaultTaps

  private static let defaultTaps = "latent,timestep,hidden.0,modulated,block.1,hidden.6,output"

  @Option(help: "Storage type of features: float32 or float16.")
  var dtype = StorageType.float32

  @Option(
    help: ArgumentHelp(
      "When to wait for the disk: none, rollout (once, at the end) or call (a power loss costs no recorded call).",
      valueName: "durability"))
  var durability = Durability.rollout

  @OptionGroup var rollout: RolloutOptions
  @OptionGroup var results: FormatOption

  @Flag(help: "Replace the output, or the journal of an unfinished recording, if there is one.")
  var force = false

  /// For tests that kill the recorder: what it says on standard output was recorded before.
  @Flag(help: .hidden)
  var acknowledge = false

  mutating func validate() throws {
    guard (1...64).contains(chunks) else {
      throw ValidationError("--chunks is \(chunks); it must be from 1 to 64")
    }
    guard !output.isEmpty, !output.hasSuffix(".partial") else {
      throw ValidationError(
        "--output is '\(output)'; it must not be empty or end in .partial, the mark of unfinished recordings")
    }
    guard scene >= 0, noise >= 0 else { throw ValidationError("--scene and --noise must not be negative") }
  }

  mutating func run() throws {
    try Terminal.checkFolder(of: output)
    if !force, FileManager.default.fileExists(atPath: output) {
      throw TraceError(.exists, path: output, "the file exists; pass --force to replace it")
    }
    let weights = try self.rollout.prepareModel()
    let config = weights.config
    let line = Tap.line(blockCount: config.blocks)
    let chosen = try taps.split(separator: ",").map(String.init).map { name in
      guard let tap = Tap(name: name), line.contains(tap) else {
        throw Terminal.usage(
          "there is no tap '\(name)'; the model has \(line.map(\.name).joined(separator: ", "))")
      }
      return tap
    }
    guard !chosen.isEmpty else { throw Terminal.usage("--taps names no tap") }
    let layouts = Dictionary(
      uniqueKeysWithValues: Set(chosen).map { ($0, Record.layout(of: $0, config)) })
    let rollout = Rollout(
      weights: weights, stepCount: self.rollout.steps, shift: self.rollout.shift,
      guidance: self.rollout.guidance, chunkCount: chunks, sceneSeed: scene, noiseSeed: noise)
    let calls = rollout.calls
    let size = layouts.values.reduce(0) { $0 + $1.tokens.count * $1.channelCount } * calls.count
    let megabytes = Double(size * (dtype == .float16 ? 2 : 4)) / 1e6
    Terminal.remark(
      "recording \(calls.count) calls at \(layouts.count) taps: up to \(Table.decimal(megabytes, 0)) MB on disk, as much again while finishing"
    )

    let writer = try TraceWriter(
      path: output, header: rollout.header(recorder: "wctrace \(Wctrace.version)"),
      layouts: [config.outputLayout, config.hiddenLayout, config.vectorLayout].filter { layout in
        layouts.values.contains { $0.name == layout.name } || layout.name == "output"
      },
      taps: layouts.mapValues(\.name), callCount: calls.count, dtype: dtype, durability: durability,
      overwrite: force)
    var recorder = Recorder(sink: writer)
    let progress = Progress(total: calls.count, unit: "calls")
    var done = 0
    let start = ContinuousClock.now
    let recorded = try rollout.run(
      hook: &recorder,
      progress: { group in
        done += group.count
        progress.update(done)
        if acknowledge { FileHandle.standardOutput.write(Data("\(done)\n".utf8)) }
      })
    // The final latent is kept beside features of its own layout; without them nothing could use it.
    if layouts.values.contains(where: { $0.name == "output" }) {
      for chunk in recorded { try writer.setFinal(chunk: chunk.index, config.outputRows(chunk.latent)) }
    }
    try writer.finish()
    let seconds = start.duration(to: .now) / .seconds(1)
    let bytes = try FileManager.default.attributesOfItem(atPath: output)[.size] as? Int ?? 0
    var table = Table(columns: [
      .init("trace", key: "trace"), .init("calls", key: "calls"), .init("taps", key: "taps"),
      .init("MB", key: "megabytes"), .init("seconds", key: "wall_seconds"),
    ])
    table.append([
      .text(output), .integer(calls.count), .integer(layouts.count),
      .number(Double(bytes) / 1e6, decimals: 1),
      .number(seconds, decimals: 1),
    ])
    try Terminal.show(table.formatted(results.format))
  }

  private static func layout(of tap: Tap, _ config: Config) -> TokenTable {
    switch tap {
    case .latent, .output, .guided: config.outputLayout
    case .timestep: config.vectorLayout
    case .hidden, .modulated, .block: config.hiddenLayout
    }
  }
}
