import Trace

@testable import WorldCache

/// A model whose output is linear in each token's latent, so that its feedback is known exactly.
///
/// Euler over `callCount` calls with σ from 1 to 0. Token i, modality m = i mod 2, class k: output =
/// M(s, b, m, k) x + c(s, i), where tokens of the second class have offsets that change wildly from call to call and
/// those of the first hardly. Two branches meet with guidance 3.
struct LinearWorld {
  static let layout = TokenTable(
    name: "output", modalities: ["wide", "narrow"], channelCount: 3,
    tokens: (0..<24).map {
      TokenTable.Token(
        modality: $0 % 2, frame: 0, row: $0 / 4, column: $0 % 4, validChannels: $0 % 2 == 0 ? 3 : 2)
    })

  let callCount = 12
  let branchCount: Int
  /// Size of the offsets of the tokens of the second class.
  var restlessness: Float = 4

  init(branchCount: Int) { self.branchCount = branchCount }

  var calls: [Call] {
    (0..<callCount).flatMap { step in
      (0..<branchCount).map { branch in
        let guidance = branchCount == 1 ? 1.0 : 3.0
        return Call(
          ordinal: step * branchCount + branch, chunk: 0, branch: branch, step: step, position: step,
          timestep: 1000 * sigma(step), sigma: sigma(step), guidance: guidance,
          weight: (sigma(step + 1) - sigma(step)) * (branch == 0 ? guidance : 1 - guidance))
      }
    }
  }

  func sigma(_ step: Int) -> Double { 1 - Double(step) / Double(callCount) }

  static func isRestless(_ token: Int) -> Bool { token % 8 >= 4 }

  private static func wave(_ numbers: Int...) -> Float {
    var state: UInt64 = 88_172_645
    for number in numbers { state = (state ^ UInt64(number + 1)) &* 6_364_136_223_846_793_005 &+ 1_442_695 }
    return Float(state >> 40) / Float(1 << 23) - 1
  }

  /// What channel i of the latent adds to channel j of the output.
  func matrix(_ step: Int, branch: Int, token: Int, _ i: Int, _ j: Int) -> Float {
    let kind = LinearWorld.isRestless(token) ? 1 : 0
    return (i == j ? 0.8 : 0) + 0.3 * LinearWorld.wave(step, branch, token % 2, kind, i, j)
  }

  func output(_ latent: Tensor, _ call: Call) -> Tensor {
    var output = Tensor(zeros: latent.rows, latent.columns)
    for (token, place) in LinearWorld.layout.tokens.enumerated() {
      for j in 0..<place.validChannels {
        let offset = LinearWorld.wave(7, LinearWorld.isRestless(token) ? call.step : 0, token, j)
        var value = LinearWorld.isRestless(token) ? restlessness * offset : 0.2 * offset
        for i in 0..<place.validChannels {
          value += matrix(call.step, branch: call.branch, token: token, i, j) * latent.values[token * 3 + i]
        }
        output.values[token * 3 + j] = value
      }
    }
    return output
  }

  var start: Tensor {
    var tensor = Tensor(zeros: 24, 3)
    for (token, place) in LinearWorld.layout.tokens.enumerated() {
      for i in 0..<place.validChannels { tensor.values[token * 3 + i] = LinearWorld.wave(99, token, i) }
    }
    return tensor
  }

  /// Runs the world under a hook and keeps what passed the taps; `nudge` is added to the start.
  func run(_ hook: inout some CallHook, nudge: Float = 0) throws -> Recording {
    var latent = start
    for (token, place) in LinearWorld.layout.tokens.enumerated() {
      for i in 0..<place.validChannels {
        latent.values[token * 3 + i] += nudge * LinearWorld.wave(5, token, i)
      }
    }
    var recording = Recording(world: self)
    for step in 0..<callCount {
      let group = calls.filter { $0.step == step }
      try hook.begin(group)
      var outputs: [Tensor]?
      for _ in group { recording.latents.append(latent) }
      if case .jump(_, let given) = try hook.reached(.latent, group.map { _ in latent }) { outputs = given }
      let isFresh = outputs == nil
      let shown = outputs ?? group.map { output(latent, $0) }
      _ = try hook.reached(.output, shown)
      var guided = Tensor(zeros: 24, 3)
      for (branch, call) in group.enumerated() {
        recording.outputs.append(shown[branch])
        recording.states.append(isFresh ? .fresh : .predicted)
        for index in guided.values.indices {
          latent.values[index] += Float(call.weight) * shown[branch].values[index]
          guided.values[index] += shown[branch].values[index] / Float(group.count)
        }
      }
      _ = try hook.reached(.guided, [guided])
    }
    recording.last = latent
    return recording
  }

  /// A rollout in memory.
  struct Recording: FeatureSource {
    let path = "linear world"
    let header: TraceHeader
    let calls: [Call]
    let taps: [Tap] = [.latent, .output]
    var plannedCallCount: Int { calls.count }
    var latents: [Tensor] = []
    var outputs: [Tensor] = []
    var states: [TapState] = []
    var last = Tensor(zeros: 24, 3)

    init(world: LinearWorld, scene: Int = 0) {
      header = TraceHeader(
        model: "linear", solver: "euler", shift: 1, stepCount: world.callCount,
        branchCount: world.branchCount, blockCount: 1, sceneSeed: scene, recorder: "tests")
      calls = world.calls
    }

    func layout(of tap: Tap) throws(TraceError) -> TokenTable {
      guard taps.contains(tap) else { throw TraceError(.lacking, path: path, "no \(tap)") }
      return LinearWorld.layout
    }
    func state(of tap: Tap, call: Int) -> TapState { tap == .output ? states[call] : .fresh }
    func rows(_ rows: Range<Int>, of tap: Tap, call: Int) -> [Float] {
      (tap == .latent ? latents : outputs)[call].values
    }
    func rowCountOfBlock(of tap: Tap) -> Int { 24 }
    func stretchSeconds(of tap: Tap) -> [Double] { calls.map { _ in 0 } }
    func `final`(chunk: Int) -> Tensor { last }
  }
}
