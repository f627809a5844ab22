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
    let ranges: [(name: String, isAllowed: Bool, allowed: String)] = [
      ("shift \(header.shift)", (0.01...100).contains(header.shift), "0.01 to 100"),
      ("\(header.stepCount) steps", (1...1000).contains(header.stepCount), "1 to 1000"),
      ("\(header.chunkCount) chunks", (1...64).contains(header.chunkCount), "1 to 64"),
      ("guidance \(guidance)", (-100...100).contains(guidance), "-100 to 100"),
    ]
    if let wrong = ranges.first(where: { !$0.isAllowed }) {
      throw TraceError(
        .invalid, path: path, "a rollout with \(wrong.name) cannot be run again; allowed are \(wrong.allowed)"
      )
    }
    let rollout = Rollout(
      weights: weights, stepCount: header.stepCount, shift: header.shift, guidance: guidance,
      chunkCount: header.chunkCount, sceneSeed: header.sceneSeed, noiseSeed: header.noiseSeed)
    return Recorded(path: path, reader: reader, rollout: rollout)
  }

  /// Throws what running the policies on a trace would throw before their first calls; returns what they say of
  /// numbers that were made elsewhere.
  func check(_ recorded: Recorded) throws -> ElsewhereRemarks {
    try feedback?.values.check(recorded.reader)
    for plan in plans {
      let request = try plan.request(blockCount: recorded.reader.header.blockCount)
      if let lacking = request?.missingTaps(of: recorded.reader).first {
        throw TraceError(
          .lacking, path: recorded.path, "\(plan.spec) needs the tap \(lacking), which was not recorded")
      }
    }
    return try LiveMethod.check(
      plans.map { LiveMethod(kind: .policy($0)) }, recorded.rollout, trace: recorded.path)
  }

  /// Validates every policy on one trace but those that `isDone`; tells each record as soon as it is there.
  ///
  /// Where `earlier` has a record of a policy, with another feedback or none, its live run is kept and only the
  /// estimate with feedback is made anew.
  func run(
    _ recorded: Recorded, isDone: (PolicyPlan) -> Bool, earlier: @Sendable (PolicyPlan) -> ValidationRecord?,
    finished: @Sendable (ValidationRecord) throws -> Void
  ) throws {
    let left = plans.filter { !isDone($0) }
    guard !left.isEmpty else { return }
    let (key, rollout) = (recorded.key, recorded.rollout)
    let catalog = try GeometryCatalog.opening(recorded.path)
    var uncached: [Chunk] = []
    if left.contains(where: { earlier($0) == nil }) {
      uncached = try rollout.run()
      try check(uncached, recorded)
    }
    // What has no direct error in replay may have one through the last layer, where the trace has what that takes.
    let ends = EchoedRollout.Ends(weights, for: recorded.reader.header)
    let echo =
      feedback == nil
      ? try? EchoedRollout(recorded.reader, feedback: nil, ends: ends)
      : try EchoedRollout(recorded.reader, feedback: feedback?.values, ends: ends)
    let range = echo?.isBeyondFit.map { FitRange(isBeyond: $0) }
    _ = try OrderedJobs.run(left.count, workerCount: workerCount) { [uncached] place in
      let plan = left[place]
      let withFeedback = feedback == nil ? nil : try echo?.error(plan, withFeedback: true)
      if var record = earlier(plan) {
        record.setFeedback(withFeedback, hash: feedback?.hash, range)
        return try finished(record)
      }
      let replay = try Replay(plan, over: plan.geometries(in: catalog))
      var estimates: [Estimator: Double] = [:]
      if replay.directError == nil { estimates[.direct] = try echo?.error(plan, withFeedback: false) }
      let live = try LiveMethod(kind: .policy(plan)).run(rollout, contexts: uncached)
      let comparison = RolloutComparison(live.chunks, uncached: uncached, of: rollout)
      let (errors, own) = (comparison.errors, comparison.uncachedErrors)
      var record = ValidationRecord(
        rollout: key, scene: rollout.sceneSeed, noise: rollout.noiseSeed, replay: replay,
        estimates: estimates,
        live: live.streams, liveError: comparison.finalError,
        psnr: comparison.psnr.isFinite ? comparison.psnr : nil, rgbRatio: errors.rgb / own.rgb,
        disparityRatio: errors.disparity / own.disparity, motionRatio: errors.motion / own.motion)
      record.setFeedback(withFeedback, hash: feedback?.hash, range)
      try finished(record)
    }
  }

  // The trace must be of the rollout that is run: the same but for the last digits of the matrix library, which
  // differ with its threads.
  private func check(_ uncached: [Chunk], _ recorded: Recorded) throws {
    for chunk in uncached {
      var error = RelativeError()
      try error.add(weights.config.outputRows(chunk.latent), recorded.reader.final(chunk: chunk.index))
      guard error.value < 1e-3 else {
        throw TraceError(
          .invalid, path: recorded.path, at: "chunk \(chunk.index)",
          "the final latent is \(Table.decimal(100 * error.value, 2)) % off when the rollout is run again; this is not an uncached "
            + "recording of it")
      }
    }
  }
}

extension EchoedRollout {
  /// The relative error under a policy; nil where that is not defined or a tap was not recorded.
  fileprivate func error(_ plan: PolicyPlan, withFeedback: Bool) throws -> Double? {
    do {
      return try run(plan, withFeedback: withFeedback).relativeError
    } catch is PolicyError {
      return nil
    } catch let error as TraceError where error.code == .lacking || error.code == .missing {
      return nil
    }
  }
}
