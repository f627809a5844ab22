public import Trace

/// Computes at growing intervals and predicts from a Chebyshev fit over all computed calls (Spectrum).
///
/// With τ(s) = (s − 25) / 25, whatever the number of calls, the basis φ = (T_0(τ), …, T_M(τ)) and the design
/// matrix X of all computed calls, the fit's weights are `φ(τ_s)ᵀ (XᵀX + λ I)⁻¹ Xᵀ`; they are mixed with
/// those of the line through the last two computed calls, w to 1 − w. The ridge shrinks constants: the fit's
/// weights do not sum to 1. After `warmup` computed calls, a call is computed when one more than the calls
/// predicted since is a multiple of ⌊window⌋; the window starts at 2 and grows by `flex` at each such call,
/// rounded to 3 digits. The last call is not forced (hanjq17/Spectrum f7b7841). Differs: the code rounds the
/// design, the fit and the mixture to bfloat16; `rounding=bf16` does so for the design alone, since what is
/// rounded after the fit is no combination any more.
public struct SpectrumPolicy: Policy {
  static let entry = PolicyEntry(
    name: "spectrum",
    summary: "Computes at growing intervals; between, a Chebyshev fit over all computed calls (Spectrum).",
    source:
      "arXiv 2603.01623; hanjq17/Spectrum f7b7841 (flex 0.75 and 3; time is scaled to 50 calls whatever "
      + "their number). Differs: no bfloat16 by default, and never of the fitted coefficients.",
    parameters: [
      Parameter("warmup", .integer(1...1_000_000), default: "5", "calls computed at the start"),
      Parameter(
        "window", .real(1...1_000_000), default: "2", "calls from one computed call to the next at first"),
      Parameter("flex", .real(0...1_000_000), default: "0.75", "growth of the window at each computed call"),
      Parameter("degree", .integer(0...16), default: "4", "highest Chebyshev polynomial (M)"),
      Parameter("ridge", .real(1e-9...1e9), default: "0.1", "ridge penalty (λ)"),
      Parameter("mix", .real(0...1), default: "0.5", "share of the fit; the rest is the line (w)"),
      Parameter(
        "rounding", .choice(["none", "bf16"]), default: "none", "precision of times and polynomials"),
      .site("hidden"),
    ],
    kind: .ordinary { SpectrumPolicy($0) })

  /// Computed calls that the code keeps at most.
  private static let longestHistory = 100

  public let spec: PolicySpec
  public let site: Site?
  private let warmUp: Int
  private let firstWindow: Double
  private let flex: Double
  private let fit: ChebyshevFit
  private let mix: Double
  private var stream: CallStream?
  private var window: Double
  /// Calls predicted since the last computed one.
  private var skipped = 0
  /// Computed positions, ascending.
  private var anchors: [Int] = []

  init(_ values: ParameterValues) {
    spec = values.spec
    site = values.site("site")
    warmUp = values.integer("warmup")
    firstWindow = values.real("window")
    flex = values.real("flex")
    mix = values.real("mix")
    fit = ChebyshevFit(
      degree: values.integer("degree"), ridge: values.real("ridge"),
      roundsToBFloat16: values.choice("rounding") == "bf16")
    window = firstWindow
  }

  public var minimumCallCount: Int { warmUp + 1 }
  public var predictor: (any Predictor)? { nil }
  public var cachedTensorCount: Int { SpectrumPolicy.longestHistory }

  public mutating func begin(_ stream: CallStream) {
    self.stream = stream
    window = firstWindow
    skipped = 0
    anchors = []
  }

  public mutating func decide(at position: Int, signals: some Signals) -> Decision {
    if stream!.index(of: position) < warmUp { return Decision(.compute, .warmUp) }
    return Decision((skipped + 1) % Int(window) == 0 ? .compute : .predict, .schedule)
  }

  public mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    skipped += 1
    let newest = Combination(valueAt: anchors.last!)
    var line = newest
    if anchors.count > 1 {
      let before = anchors[anchors.count - 2]
      let steps = Double(position - anchors.last!) / Double(anchors.last! - before)
      line = line + (newest - Combination(valueAt: before)) * steps
    }
    let first = stream!.positions.lowerBound
    let weights = fit.weights(times: anchors.map { Double($0 - first) }, at: Double(position - first))
    var fitted = Combination()
    for (anchor, weight) in zip(anchors, weights) { fitted = fitted + Combination(valueAt: anchor) * weight }
    return Prediction(line * (1 - mix) + fitted * mix)
  }

  public mutating func computed(at position: Int, signals: some Signals) {
    if stream!.index(of: position) >= warmUp { window = ((window + flex) * 1000).rounded() / 1000 }
    skipped = 0
    anchors.append(position)
    if anchors.count > SpectrumPolicy.longestHistory { anchors.removeFirst() }
  }
}
