import Foundation
import Synchronization
import Trace
import WorldCache
import WorldModel

/// Policies replayed on uncached traces of the bundled model and run live from the same scenes and noises.
///
/// Every chunk of a live run begins where the uncached one did, as it does in replay.
struct ValidationRun: Sendable {
  let weights: Weights
  let plans: [PolicyPlan]
  /// The model's answer to a changed latent, and the hash of its file.
  let feedback: (values: Feedback, hash: String)?
  let workerCount: Int

  /// An uncached trace and the rollout that it is of.
  struct Recorded {
    let path: String
    let reader: TraceReader
    let rollout: Rollout

    var key: String { reader.digest?.description ?? path }
  }

  /// Opens a trace; throws when it is not of this model or not one that can be run again.
  func open(_ path: String) throws -> Recorded {
    let reader = try TraceReader(path: path)
    let header = reader.header
    guard header.model == Config.name, header.weightsDigest == weights.digest,
      header.solver == Solver.euler.rawValue
    else {
      throw TraceError(
        .invalid, path: path,
        "the trace is of \(header.model), weights \(header.weightsDigest), solver \(header.solver); only rollouts of "
          + "\(Config.name), weights \(weights.digest), solver euler can be run again here. For others name two traces "
          + "with --uncached and --cached")
    }
    let guidance = header.conditions.first { $0.name == "guidance" }.flatMap { condition in
      if case .numbers(let numbers) = condition.value { numbers.first } else { nil }
    }
    guard let guidance else {
      throw TraceError(
        .lacking, path: path, "the trace does not say the guidance scale that it was recorded with")
    }
    let rollout = Rollout(
      weights: weights, stepCount: header.stepCount, shift: header.shift, guidance: guidance,
      chunkCount: header.chunkCount, sceneSeed: header.sceneSeed, noiseSeed: header.noiseSeed)
    return Recorded(path: path, reader: reader, rollout: rollout)
  }

  /// Validates every policy on one trace but those that `isDone`; tells each record as soon as it is there.
  func run(
    _ recorded: Recorded, isDone: (PolicyPlan) -> Bool, finished: @Sendable (ValidationRecord) throws -> Void
  ) throws {
    let left = plans.filter { !isDone($0) }
    guard !left.isEmpty else { return }
    let (key, rollout) = (recorded.key, recorded.rollout)
    let catalog = try GeometryCatalog.opening(recorded.path)
    let uncached = try rollout.run()
    try check(uncached, recorded)
    let end = OutputHead(weights, header: recorded.reader.header)
    let head: EchoedRollout.Head? = end.map { end in { end.output(of: $0, $1) } }
    let plain = try EchoedRollout(recorded.reader, feedback: nil, head: head)
    let echoed = try feedback.map { try EchoedRollout(recorded.reader, feedback: $0.values, head: head) }
    try concurrently(left.count, workers: workerCount, worker: { _ in 0 }) { _, place in
      let plan = left[place]
      let replay = try Replay(plan, over: plan.geometries(in: catalog))
      var estimates: [Estimator: Double] = [:]
      if replay.directError == nil { estimates[.direct] = try plain.run(plan).relativeError }
      if let echoed { estimates[.withFeedback] = try echoed.run(plan).relativeError }
      let live = try LiveMethod(kind: .policy(plan)).run(rollout, contexts: uncached)
      let comparison = RolloutComparison(live.chunks, uncached: uncached, of: rollout)
      let (errors, own) = (comparison.errors, comparison.uncachedErrors)
      try finished(
        ValidationRecord(
          rollout: key, scene: rollout.sceneSeed, noise: rollout.noiseSeed, replay: replay,
          estimates: estimates, feedback: feedback?.hash, live: live.streams, liveError: comparison.finalError,
          psnr: comparison.psnr.isFinite ? comparison.psnr : nil, rgbRatio: errors.rgb / own.rgb,
          disparityRatio: errors.disparity / own.disparity, motionRatio: errors.motion / own.motion))
    }
  }

  // The trace must be of the rollout that is run: the same but for the last digits of the matrix library, which
  // differ with its threads.
  private func check(_ uncached: [Chunk], _ recorded: Recorded) throws {
    for chunk in uncached {
      let final = try recorded.reader.final(chunk: chunk.index)
      let own = weights.config.outputRows(chunk.latent)
      let (error, norm) = zip(own.values, final.values).reduce(into: (0.0, 0.0)) { sums, pair in
        sums.0 += Double(pair.0 - pair.1) * Double(pair.0 - pair.1)
        sums.1 += Double(pair.1) * Double(pair.1)
      }
      let relative = (error / norm).squareRoot()
      guard relative < 1e-3 else {
        throw TraceError(
          .invalid, path: recorded.path, at: "chunk \(chunk.index)",
          "the final latent is \(Table.decimal(100 * relative, 2)) % off when the rollout is run again; this is not an uncached "
            + "recording of it")
      }
    }
  }
}
