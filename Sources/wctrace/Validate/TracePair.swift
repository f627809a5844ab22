import Foundation
import Trace
import WorldCache

/// An uncached trace beside one of a cached run from the same noise, of any model.
struct TracePair {
  /// One step: what was decided in the cached run, and how far it had drifted.
  struct Step {
    var chunk: Int
    var position: Int
    var sigma: Double
    /// Whether every branch of the step was computed in the cached run.
    var isComputed: Bool
    /// `‖x − x_uncached‖ / ‖x_uncached‖` over the branches, at the taps latent and output; nil where not recorded.
    var latentDrift: Double?
    var outputDrift: Double?
  }

  let uncached: TraceReader
  let cached: TraceReader
  let steps: [Step]
  /// Relative error of the final latents; nil where one of the traces has none.
  let finalError: Double?

  /// Throws `invalid` when the traces are not of the same calls.
  init(uncached path: String, cached cachedPath: String) throws {
    let (uncached, cached) = (try TraceReader(path: path), try TraceReader(path: cachedPath))
    let clocks = { (reader: TraceReader) in
      reader.calls.map { [$0.chunk, $0.branch, $0.expert, $0.step, $0.stage] }
    }
    guard clocks(uncached) == clocks(cached) else {
      throw TraceError(
        .invalid, path: cachedPath,
        "the calls are others than those of \(path); both must be of the same chunks, steps and branches")
    }
    for (own, other) in zip(uncached.calls, cached.calls) {
      guard abs(own.sigma - other.sigma) <= 1e-6 * max(1, abs(own.sigma)), own.guidance == other.guidance
      else {
        throw TraceError(
          .invalid, path: cachedPath, at: "call \(other.ordinal)",
          "noise level \(other.sigma) and guidance \(other.guidance) are not the \(own.sigma) and \(own.guidance) of "
            + path)
      }
    }
    let seeds = { (header: TraceHeader) in [header.sceneSeed, header.noiseSeed] }
    let conditions = { (header: TraceHeader) in header.conditions.filter { $0.name != "policy" } }
    guard seeds(uncached.header) == seeds(cached.header),
      conditions(uncached.header) == conditions(cached.header)
    else {
      throw TraceError(
        .invalid, path: cachedPath,
        "seeds \(seeds(cached.header)) of scene and noise or the conditions are others than those of \(path), "
          + "\(seeds(uncached.header)); both must be of one start")
    }
    for call in uncached.calls {
      guard try uncached.taps.allSatisfy({ try uncached.state(of: $0, call: call.ordinal) != .predicted })
      else {
        throw TraceError(
          .invalid, path: path, at: "call \(call.ordinal)",
          "this call was predicted; --uncached must be an uncached recording")
      }
    }
    var steps: [Step] = []
    var positions: [Int: Int] = [:]
    for group in cached.groups {
      let first = group[0]
      let isComputed = try group.allSatisfy { call in
        // What follows from a prediction tells a skip too: the predicted tap itself may not have been recorded.
        try cached.taps.allSatisfy {
          let state = try cached.state(of: $0, call: call.ordinal)
          return state != .predicted && state != .derived
        }
      }
      steps.append(
        Step(
          chunk: first.chunk, position: positions[first.chunk, default: 0], sigma: first.sigma,
          isComputed: isComputed, latentDrift: try TracePair.drift(.latent, group, uncached, cached),
          outputDrift: try TracePair.drift(.output, group, uncached, cached)))
      positions[first.chunk, default: 0] += 1
    }
    (self.uncached, self.cached, self.steps) = (uncached, cached, steps)
    finalError = try TracePair.finalError(uncached, cached)
  }

  private static func drift(
    _ tap: Tap, _ group: [Call], _ uncached: TraceReader, _ cached: TraceReader
  ) throws -> Double? {
    guard uncached.taps.contains(tap), cached.taps.contains(tap) else { return nil }
    var sums = RelativeError()
    for call in group {
      let states = try [uncached, cached].map { try $0.state(of: tap, call: call.ordinal) }
      guard !states.contains(.absent) else { return nil }
      try sums.add(cached.feature(tap, call: call.ordinal), uncached.feature(tap, call: call.ordinal))
    }
    return sums.value
  }

  private static func finalError(_ uncached: TraceReader, _ cached: TraceReader) throws -> Double? {
    var sums = RelativeError()
    for chunk in Set(uncached.calls.map(\.chunk)).sorted() {
      do {
        try sums.add(cached.final(chunk: chunk), uncached.final(chunk: chunk))
      } catch let error as TraceError where error.code == .lacking {
        return nil
      }
    }
    return sums.value
  }

  /// The policy that the cached run says it ran under.
  var policy: String? {
    cached.header.conditions.first { $0.name == "policy" }.flatMap { condition in
      if case .text(let text) = condition.value { text } else { nil }
    }
  }

  /// The policy decided over the tensors of the cached run, in their order.
  func decidedAgain(_ plan: PolicyPlan) throws -> (streams: [LiveStream], parting: Int?) {
    var cache = try LiveCache(
      plan, calls: cached.calls, blockCount: cached.header.blockCount, header: cached.header,
      layout: cached.layout)
    let outcome = try Playback(cached).run(hook: &cache)
    return (cache.streams, outcome.parting?.call.ordinal)
  }
}
