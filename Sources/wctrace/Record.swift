public import ArgumentParser
import Foundation
public import Trace
import WorldCache
import WorldModel

extension StorageType: ExpressibleByArgument {}
extension FeatureCoding: ExpressibleByArgument {}
extension Durability: ExpressibleByArgument {}
extension IndexList: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}

/// `wctrace record`: full, uncached rollouts of the bundled model, each into a trace.
struct Record: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Record full, uncached rollouts of the bundled world model.",
    discussion: """
      One rollout goes to the file --output. Several, as of --scenes 1000000..1000007 --noise 0,1, go to the folder \
      --output, each pair of seeds to a file scene-SCENE-noise-NOISE.h5; so does a single one when --output is a \
      folder or ends in a slash.

      Calls go to a journal beside the trace, TRACE.wcj, and become the trace when the rollout is complete, so a file \
      under a trace's name is always whole. After an interruption, the same command with --resume goes on: traces \
      that are there are read and checked to be whole and of the same settings, a journal that holds everything \
      becomes its trace, and rollouts that were interrupted are recorded again from their start, which gives the same \
      features. 'wctrace recover TRACE.wcj' makes a trace of the calls recorded so far instead; one that bears the final \
      name has to be moved away before --resume records that rollout again.

      Not everything has to be recorded. --calls selects calls by their ordinal in the rollout, over chunks, steps and \
      guidance branches; the others keep their clocks and have no features, and replay, which needs every call of what \
      it looks at, refuses them. --tokens selects tokens by modality, frame, row and column; what is recorded is then \
      a rollout of these tokens, and step vectors stay whole.
      """)

  @Option(name: .shortAndLong, help: "The trace to write (.h5), or the folder for several.")
  var output: String

  @OptionGroup var which: SceneOptions

  @Option(help: "Taps to record, joined by commas.")
  var taps = Record.defaultTaps

  static let defaultTaps = "latent,timestep,hidden.0,modulated,block.1,hidden.6,output"

  @Option(help: "Calls to record, such as 0..24 or 0../2 for every other; all when left out.")
  var calls: IndexList?

  @Option(
    parsing: .singleValue,
    help: "Tokens to record, such as modality=rgb,frame=0..1,row=2..5,column=0..7; repeat to add more.")
  var tokens: [String] = []

  @Option(help: "Storage type of features: \(StorageType.allCases.map(\.rawValue).joined(separator: ", ")).")
  var dtype = StorageType.float32

  @Option(
    help: ArgumentHelp(
      "How features lie in the file: plain, or step-delta, differences to the call before: smaller, and other programs "
        + "than this one have to undo them.",
      valueName: "coding"))
  var coding = FeatureCoding.plain

  @Option(
    help: ArgumentHelp(
      "Round features: at each call and tap by at most this fraction of the 5th percentile of the tokens' change since "
        + "the call before. The bounds are kept in the trace and verify checks them. Without it nothing is rounded.",
      valueName: "fraction"))
  var lossy: Double?

  @Option(
    help: ArgumentHelp(
      "When to wait for the disk: none, rollout (once, at the end) or call (a power loss costs no recorded call).",
      valueName: "durability"))
  var durability = Durability.rollout

  @OptionGroup var rollout: RolloutOptions
  @OptionGroup var results: FormatOption

  @Flag(help: "Go on with an interrupted recording: keep what is finished, record the rest.")
  var resume = false

  @Flag(help: "Replace the outputs, or the journals of unfinished recordings, if there are any.")
  var force = false

  @Flag(help: "Start even when the disk might not have enough space.")
  var noSpaceCheck = false

  /// For tests that kill the recorder: what it says on standard output was recorded before.
  @Flag(help: .hidden)
  var acknowledge = false

  mutating func validate() throws {
    guard !output.isEmpty, !output.hasSuffix(".partial") else {
      throw ValidationError(
        "--output is '\(output)'; it must not be empty or end in .partial, the mark of unfinished recordings")
    }
    guard !(resume && force) else {
      throw ValidationError("--resume keeps what --force would replace; give one of them")
    }
    try which.check(limit: 100_000)
    guard lossy.map({ $0 > 0 && $0 <= 1 }) ?? true else {
      throw ValidationError("--lossy is \(lossy ?? 0); it must be above 0 and at most 1")
    }
  }

  mutating func run() throws {
    let members = members()
    let set = try RecordingSet(
      self.rollout.prepareModel(), self.rollout, chunkCount: which.chunks, dtype: dtype, coding: coding,
      lossy: lossy.map { LossyRule(fraction: $0) }, taps: taps,
      selection: Selection(calls: calls, regions: regions()), members: members)
    try prepareFolder()
    var outcomes: [String: String] = [:]
    var left = members
    if resume {
      left = []
      for member in members {
        switch try resumption(of: member, in: set) {
        case .finished: outcomes[member.path] = "kept"
        case .completed: outcomes[member.path] = "completed"
        case .nothing: left.append(member)
        case .interrupted(let count):
          Terminal.remark("\(member.path): recorded again from the start; \(count) calls were in its journal")
          left.append(member)
        }
      }
    } else if !force, let taken = members.first(where: { FileManager.default.fileExists(atPath: $0.path) }) {
      throw TraceError(
        .exists, path: taken.path, "the file exists; pass --resume to keep it, or --force to replace it")
    }
    let run = RecordingRun(
      set, left, durability: durability, overwrites: resume || force, acknowledges: acknowledge)
    try run.announce(checkingSpace: !noSpaceCheck)
    let recorded = try run.recordAll()
    var table = Table(columns: [
      .init("trace", key: "trace"), .init("calls", key: "calls"), .init("taps", key: "taps"),
      .init("MB", key: "megabytes"), .init("seconds", key: "wall_seconds"), .init("outcome", key: "outcome"),
    ])
    for member in members {
      let bytes = try FileManager.default.attributesOfItem(atPath: member.path)[.size] as? Int ?? 0
      table.append([
        .text(member.path), .integer(run.callCount), .integer(set.taps.count),
        .number(Double(bytes) / 1e6, decimals: 1),
        recorded[member.path].map { .number($0, decimals: 1) } ?? .none,
        .text(outcomes[member.path] ?? "recorded"),
      ])
    }
    try Terminal.show(table.formatted(results.format))
  }

  private func resumption(
    of member: RecordingSet.Member, in set: RecordingSet
  ) throws -> TraceResumption {
    let rollout = set.rollout(member)
    return try TraceResumption(
      of: member.path, header: rollout.header(recorder: ""), layouts: set.layouts, taps: set.taps,
      callCount: rollout.calls.count, dtype: dtype, coding: set.coding, lossy: set.lossy)
  }

  private func regions() throws -> [TokenRegion] {
    do {
      return try tokens.map { text throws(TraceError) in try TokenRegion(text) }
    } catch {
      throw Terminal.usage(error.description)
    }
  }

  // Whether the output is a folder: it is one, says so, or has to hold several traces.
  private var isFolder: Bool {
    let attributes = try? FileManager.default.attributesOfItem(atPath: output)
    return output.hasSuffix("/") || attributes?[.type] as? FileAttributeType == .typeDirectory
      || (which.scenes.indices(limit: 1)?.count, which.noise.indices(limit: 1)?.count) != (1, 1)
  }

  private func members() -> [RecordingSet.Member] {
    let isFolder = isFolder
    let folder = output.hasSuffix("/") ? String(output.dropLast()) : output
    return which.pairs.map { scene, noise in
      RecordingSet.Member(
        path: isFolder ? "\(folder)/scene-\(scene)-noise-\(noise).h5" : output, scene: scene, noise: noise)
    }
  }

  private func prepareFolder() throws {
    guard isFolder else { return try Terminal.checkFolder(of: output) }
    var isDirectory: ObjCBool = false
    if unsafe FileManager.default.fileExists(atPath: output, isDirectory: &isDirectory) {
      guard isDirectory.boolValue else {
        throw TraceError(
          .exists, path: output, "this is a file; several rollouts need a folder to be recorded into")
      }
      return
    }
    try Terminal.checkFolder(of: output.hasSuffix("/") ? String(output.dropLast()) : output)
    try Terminal.writing(output) {
      try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: false)
    }
  }
}
