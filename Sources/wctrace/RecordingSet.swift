import Foundation
import Trace
import WorldCache
import WorldModel

/// The rollouts of one `wctrace record`: scenes and noise seeds with everything that they have in common.
struct RecordingSet {
  let weights: Weights
  let options: RolloutOptions
  let chunkCount: Int
  let dtype: StorageType
  let coding: FeatureCoding
  let lossy: LossyRule?
  let selection: Selection
  /// As they are recorded.
  let layouts: [TokenTable]
  let taps: [Tap: String]
  /// Where each rollout goes.
  let members: [Member]

  struct Member {
    var path: String
    var scene: Int
    var noise: Int
  }

  /// Throws usage errors for taps and tokens that the model does not have.
  init(
    _ weights: Weights, _ options: RolloutOptions, chunkCount: Int, dtype: StorageType, coding: FeatureCoding,
    lossy: LossyRule?, taps: String, selection: Selection, members: [Member]
  ) throws {
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
    self.weights = weights
    self.options = options
    self.chunkCount = chunkCount
    self.dtype = dtype
    self.coding = coding
    self.lossy = lossy
    self.selection = selection
    self.members = members
    let names = Dictionary(
      chosen.map { ($0, config.layout(of: $0).name) }, uniquingKeysWith: { first, _ in first })
    self.taps = names
    do {
      layouts = try selection.applied(to: Self.layouts(config).filter { names.values.contains($0.name) })
    } catch {
      throw Terminal.usage(error.description)
    }
  }

  /// The whole layouts of the model.
  static func layouts(_ config: Config) -> [TokenTable] {
    [config.outputLayout, config.hiddenLayout, config.vectorLayout]
  }

  func rollout(_ member: Member) -> Rollout {
    Rollout(
      weights: weights, stepCount: options.steps, shift: options.shift, guidance: options.guidance,
      chunkCount: chunkCount, sceneSeed: member.scene, noiseSeed: member.noise)
  }

  /// Whether final latents are kept: beside features of their own layout, without which nothing could use
  /// them.
  var keepsFinals: Bool { taps.values.contains("output") }

  /// What one of the rollouts takes.
  func estimate(_ calls: [Call]) -> RecordingEstimate {
    RecordingEstimate(
      calls: calls, layouts: layouts, taps: taps, dtype: dtype, selection: selection,
      finalCount: keepsFinals ? chunkCount : 0)
  }

  /// Rows of the recorded layout of final latents.
  func finalRows(_ latent: Tensor) -> Tensor {
    let rows = weights.config.outputRows(latent)
    return selection.rows(of: weights.config.outputLayout).map(rows.selecting) ?? rows
  }
}
