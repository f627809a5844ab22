import Foundation
import Trace
import WorldCache
import WorldModel

/// One way to run a rollout: as it is, under a policy, or by a control that a cache has to beat.
struct LiveMethod: Sendable {
  enum Kind: Sendable {
    case uncached
    case policy(PolicyPlan)
    case control(Control)
  }

  let kind: Kind

  /// The spelling in tables.
  var name: String {
    switch kind {
    case .uncached: "uncached"
    case .policy(let plan): plan.spec.description
    case .control(let control): "control:\(control.text)"
    }
  }

  var kindName: String {
    switch kind {
    case .uncached: "uncached"
    case .policy: "policy"
    case .control: "control"
    }
  }
}

/// What one run of a method gave.
struct LiveRun: Sendable {
  var chunks: [Chunk]
  /// Wall seconds of the rollout, rendering of the scene and comparison not included.
  var seconds: Double
  /// Evaluations of the network, each branch counted.
  var evaluationCount: Int
  /// Steps computed, and all steps of the method; where branches decide apart, each counts.
  var computedCount: Int
  var callCount: Int
  var streams: [LiveStream] = []
  var controllerSeconds = ControllerSeconds()

  /// Most bytes that the cache had to hold from one call to the next, over the chunks.
  var peakByteCount: Int { streams.map(\.peakByteCount).max() ?? 0 }
}

extension LiveMethod {
  /// Tells every method that cannot run, and throws when there is one: nothing has been computed, so that nothing is
  /// lost by it.
  ///
  /// Returns what policies say of their numbers that were made elsewhere, on the recording `trace` of the rollout.
  static func check(
    _ methods: [LiveMethod], _ rollout: Rollout, trace: String? = nil
  ) throws -> ElsewhereRemarks {
    var errors: [any Error] = []
    var elsewhere = ElsewhereRemarks()
    for method in methods {
      do { try method.check(rollout, trace, &elsewhere) } catch { errors.append(error) }
    }
    // The last one is told by whoever catches it.
    for error in errors.dropLast() { Terminal.remark("Error: \(error)") }
    if let last = errors.last { throw last }
    return elsewhere
  }

  /// Runs it once; with `contexts` every chunk begins where that run's chunks did.
  ///
  /// Under a policy the run is recorded by `writer`, where there is one.
  func run(
    _ rollout: Rollout, contexts: [Chunk]?, progress: ([Call]) -> Void = { _ in },
    writer: TraceWriter? = nil
  ) throws -> LiveRun {
    switch kind {
    case .uncached:
      return try LiveMethod.plain(rollout, contexts, progress)
    case .control(let control):
      return try LiveMethod.plain(control.rollout(rollout), contexts, progress)
    case .policy(let plan):
      var cache = try LiveMethod.cache(plan, rollout)
      let chunks: [Chunk]
      let start = ContinuousClock.now
      if let writer {
        var recorder = Recorder(sink: writer, inner: cache)
        chunks = try rollout.run(hook: &recorder, contexts: contexts, progress: progress)
        cache = recorder.inner as! LiveCache
      } else {
        chunks = try rollout.run(hook: &cache, contexts: contexts, progress: progress)
      }
      let seconds = start.duration(to: .now) / .seconds(1)
      let streams = cache.streams
      return LiveRun(
        chunks: chunks, seconds: seconds,
        evaluationCount: streams.reduce(0) { $0 + $1.evaluationCount },
        computedCount: streams.reduce(0) { $0 + $1.computedCount },
        callCount: streams.reduce(0) { $0 + $1.decisionCount }, streams: streams,
        controllerSeconds: cache.controllerSeconds)
    }
  }

  // Throws what running it would throw before its first call.
  private func check(_ rollout: Rollout, _ trace: String?, _ elsewhere: inout ElsewhereRemarks) throws {
    switch kind {
    case .uncached: break
    case .control(let control): _ = try control.rollout(rollout)
    case .policy(let plan):
      elsewhere.add(try LiveMethod.cache(plan, rollout).remarks, plan.spec, trace: trace)
    }
  }

  private static func cache(_ plan: PolicyPlan, _ rollout: Rollout) throws -> LiveCache {
    let config = rollout.weights.config
    return try LiveCache(
      plan, calls: rollout.calls, blockCount: config.blocks,
      header: rollout.header(recorder: "wctrace \(Wctrace.version)"), layout: config.layout)
  }

  private static func plain(
    _ rollout: Rollout, _ contexts: [Chunk]?, _ progress: ([Call]) -> Void
  ) throws -> LiveRun {
    var hook = Onward()
    let calls = rollout.calls
    let start = ContinuousClock.now
    let chunks = try rollout.run(hook: &hook, contexts: contexts, progress: progress)
    let seconds = start.duration(to: .now) / .seconds(1)
    let steps = rollout.chunkCount * rollout.schedule.stepCount
    return LiveRun(
      chunks: chunks, seconds: seconds, evaluationCount: calls.count, computedCount: steps, callCount: steps)
  }
}
