import Foundation
import Synchronization
import Trace
import WorldCache
import WorldModel

/// Rollouts of the bundled model, every scene and noise by every method, taking turns.
struct LiveBatch: Sendable {
  let weights: Weights
  let options: Settings
  let methods: [LiveMethod]
  let members: [Member]

  /// A rollout's scene and noise.
  struct Member: Hashable, Sendable {
    var scene: Int
    var noise: Int
  }

  struct Settings: Sendable {
    var stepCount: Int
    var shift: Double
    var guidance: Double
    var chunkCount: Int
    /// Whether every chunk begins where the uncached rollout's did.
    var hasEqualContext: Bool
    /// How often each method is timed.
    var repeatCount: Int
    /// Rollouts that run at a time.
    var workerCount: Int
  }

  func rollout(_ member: Member) -> Rollout {
    Rollout(
      weights: weights, stepCount: options.stepCount, shift: options.shift, guidance: options.guidance,
      chunkCount: options.chunkCount, sceneSeed: member.scene, noiseSeed: member.noise)
  }

  /// Runs everything; results are in the order of members, then methods, the uncached rollout first.
  ///
  /// The first policy is recorded where asked for. `progress` is told how many calls are done.
  func run(
    recording: LiveRecording? = nil,
    progress: @escaping @Sendable (_ done: Int) -> Void = { _ in }
  ) throws -> [LiveResult] {
    let done = Mutex(0)
    return try OrderedJobs.run(members.count, workerCount: options.workerCount) { place in
      try run(members[place], recording) { count in
        progress(
          done.withLock {
            $0 += count
            return $0
          })
      }
    }.flatMap { $0 }
  }

  /// Calls that everything together makes, predicted ones too.
  func callCount() throws -> Int {
    let rollout = rollout(members[0])
    let controls = try methods.map { method in
      if case .control(let control) = method.kind { return try control.rollout(rollout).calls.count }
      return rollout.calls.count
    }
    return members.count * options.repeatCount * (rollout.calls.count + controls.reduce(0, +))
  }

  private func run(
    _ member: Member, _ recording: LiveRecording?, _ progress: (Int) -> Void
  ) throws -> [LiveResult] {
    let rollout = rollout(member)
    // What is done once, such as touching memory, is done before the first timing.
    _ = try Rollout(rollout, schedule: Schedule(sigmas: [1, 0])).run()
    var uncached: LiveRun?
    var results = [LiveResult?](repeating: nil, count: methods.count)
    var seconds: [[Double]] = methods.map { _ in [] }
    var uncachedSeconds: [Double] = []
    for round in 0..<options.repeatCount {
      let plain = try LiveMethod(kind: .uncached).run(rollout, contexts: nil) { progress($0.count) }
      uncachedSeconds.append(plain.seconds)
      let reference = uncached ?? plain
      uncached = reference
      for turn in methods.indices {
        // Each round begins with another method.
        let place = (turn + round) % methods.count
        let contexts = options.hasEqualContext ? reference.chunks : nil
        if case .policy(let plan) = methods[place].kind, place == 0, round == 0,
          let writer = try recording?.writer(member, rollout, plan.spec)
        {
          // A run of its own, so that what recording takes is in no time.
          try recording?.finish(writer, methods[place].run(rollout, contexts: contexts, writer: writer))
        }
        let run = try methods[place].run(rollout, contexts: contexts, progress: { progress($0.count) })
        seconds[place].append(run.seconds)
        if results[place] == nil {
          results[place] = LiveResult(
            member, methods[place], run,
            RolloutComparison(run.chunks, uncached: reference.chunks, of: rollout))
        }
      }
    }
    let own = LiveResult(
      member, LiveMethod(kind: .uncached), uncached!,
      RolloutComparison(uncached!.chunks, uncached: uncached!.chunks, of: rollout))
    return ([own] + results.map { $0! }).enumerated().map { place, result in
      var result = result
      result.seconds = Quantile.median(place == 0 ? uncachedSeconds : seconds[place - 1])!
      result.uncachedSeconds = Quantile.median(uncachedSeconds)!
      result.uncachedEvaluationCount = own.evaluationCount
      return result
    }
  }
}
