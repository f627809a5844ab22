public import Trace

/// Computes the calls of a timetable and predicts the guided output between from its average velocity over
/// the last calls (MeanCache).
///
/// With the values v of all calls so far, computed or predicted, the noise levels σ before and after each,
/// and K the order of the edge that the call lies on: over the last K calls, from `i0` on,
///
///     avg = (x_after(last) − x_before(i0)) / (σ_after(last) − σ_before(i0))
///     jvp = (v_i0 − avg) / (σ_after(last) − σ_before(i0))
///     v̂_s = v_last − jvp (σ_after(s) − σ_before(s))
///
/// Under an Euler solver `avg` is the mean of v weighted by the change of σ, so that v̂ is a combination of
/// computed values; with K = 1 it is v_last. Follows UnicomAI/MeanCache 2e12280. Differs: avg is that of an
/// Euler solver whatever the solver; the published lists are for 50 calls (code and paper know no other
/// number), and for N calls each call c of a list stands at round(c (N − 1) / 49).
///
/// A calibration (docs/calibration.md) gives open-loop edge costs of one's own: the timetable is the path with the
/// least sum of their powers γ, each edge with its best K.
public struct MeanCachePolicy: Policy {
  private static let own = Parameter.Condition(key: "list", choices: ["own"])

  static let entry = PolicyEntry(
    name: "meancache",
    summary:
      "Computes a published timetable; between, extrapolates the average velocity over sigma (MeanCache).",
    source:
      "arXiv 2601.19961; UnicomAI/MeanCache 2e12280 (lists for Qwen-Image, Qwen-Image-2512 and Z-Image at "
      + "50 calls; for other numbers of calls they are stretched). Differs: the average velocity is that of an "
      + "Euler solver.",
    parameters: [
      Parameter(
        "list", .choice(MeanCacheLists.published.map(\.name) + ["own"]), default: "qwen-17",
        "the timetable, by model and computed calls of 50; or your own"),
      Parameter(
        "computed", .wholeNumbers(0...1_000_000), default: "0+1+4+8", "computed calls, ascending from 0",
        when: own
      ),
      Parameter(
        "orders", .wholeNumbers(1...1_000_000), default: "1+2+2",
        "calls that the velocity is averaged over after each computed call but the last", when: own),
      CalibrationUse.none,
    ],
    kind: .ordinary { try MeanCachePolicy($0) }
  ).loading { spec in try CalibrationUse.path(in: spec).map { try MeanCachePolicy.load($0) } }

  private static func load(_ path: String) throws -> PolicyEntry.Loaded {
    let calibration = try CalibrationFile.read(path)
    let edges = try CalibrationUse.part(.meancache, of: calibration, path, \.meancache)
    return PolicyEntry.Loaded(
      parameters: CalibrationUse.parameters + [
        CalibrationUse.calls(edges, help: "computed calls of a chunk, the first and the last among them"),
        Parameter(
          "power", .real(0.01...32), default: "2",
          "γ, the power to which the edges' costs are raised before they add up", isQuiet: true),
      ],
      writtenOut: .init(source: path, domain: calibration.domain) { values in
        let list = try list(edges, values, of: path)
        func joined(_ numbers: [Int]) -> String { numbers.map(String.init).joined(separator: "+") }
        return PolicySpec(
          name: values.spec.name,
          settings: [
            .init("list", "own"), .init("computed", joined(list.computed)),
            .init("orders", joined(list.orders)),
          ])
      }
    ) { values in
      MeanCachePolicy(
        values.spec, try list(edges, values, of: path), CalibrationUse(values, calibration.domain))
    }
  }

  private static func list(
    _ edges: EdgeCosts, _ values: ParameterValues, of file: String
  ) throws -> MeanCacheLists.List {
    let path = try edges.path(
      computing: values.integer("calls"), .power(values.real("power")), of: file)
    return .init(computed: path.computed, orders: path.orders(in: edges))
  }

  /// A call of the past: its value and the noise levels around it.
  private struct Step {
    let value: Combination
    let sigma: Double
    let nextSigma: Double
  }

  public let spec: PolicySpec
  private let list: MeanCacheLists.List
  private let isStretched: Bool
  private let calibrated: CalibrationUse?
  private var stream: CallStream?
  /// By call of the stream: the order of its edge where it is predicted, nil where it is computed.
  private var orders: [Int?] = []
  private var history: [Step] = []

  /// With a timetable of a calibration; nothing of the recording is looked at.
  private init(_ spec: PolicySpec, _ list: MeanCacheLists.List, _ use: CalibrationUse) {
    self.spec = spec
    self.list = list
    isStretched = false
    calibrated = use
  }

  init(_ values: ParameterValues) throws {
    spec = values.spec
    calibrated = nil
    let name = values.choice("list")
    if let published = MeanCacheLists.published.first(where: { $0.name == name }) {
      list = published.list
      isStretched = true
    } else {
      list = .init(computed: values.wholeNumbers("computed"), orders: values.wholeNumbers("orders"))
      isStretched = false
    }
    guard list.computed.first == 0, zip(list.computed, list.computed.dropFirst()).allSatisfy({ $0 < $1 }),
      list.orders.count == list.computed.count - 1
    else {
      throw PolicyError(
        "computed and orders of policy 'meancache' do not fit: calls ascend from 0, and every one but the last "
          + "has an order")
    }
  }

  public func check(_ geometry: Geometry) throws { try calibrated?.checkByCall(geometry, "edge costs") }

  public func findings(on geometry: Geometry) -> [Finding] {
    if let calibrated { return calibrated.findings(on: geometry, spec) }
    guard isStretched else { return [] }
    var found = BorrowedNumbers.finding("timetable", of: family, on: geometry).map { [$0] } ?? []
    if geometry.callCount != MeanCacheLists.callCount {
      found.append(
        Finding(
          rule: Finding.wrongStepCount, policy: spec.description,
          meaning:
            "the timetable is for \(MeanCacheLists.callCount) calls and is stretched to \(geometry.callCount)",
          remedy: "calibrate with 'wctrace calibrate --method meancache' and set calibration=FILE"))
    }
    return found
  }

  // The model that a published list is for: `qwen` of `qwen-2512-17`.
  private var family: String {
    let name = spec.settings.first { $0.key == "list" }?.value ?? ""
    return name.hasPrefix("z-image") ? "z-image" : String(name.prefix { $0 != "-" })
  }

  public var site: Site? { .guided }
  public var predictor: (any Predictor)? { nil }
  /// The calls that the longest average goes over, and the newest.
  public var cachedTensorCount: Int { (list.orders.max() ?? 1) + 1 }

  public mutating func begin(_ stream: CallStream) {
    self.stream = stream
    orders = MeanCachePolicy.orders(list, callCount: stream.count, isStretched: isStretched)
    history = []
  }

  /// The order of every predicted call's edge, nil for computed calls.
  static func orders(_ list: MeanCacheLists.List, callCount: Int, isStretched: Bool) -> [Int?] {
    let scale = Double(callCount - 1) / Double(MeanCacheLists.callCount - 1)
    var orders: [Int?] = Array(repeating: 1, count: callCount)
    for (place, call) in list.computed.enumerated() {
      let position = isStretched ? Int((Double(call) * scale).rounded()) : call
      guard position < callCount else { break }
      orders[position] = nil
      // A list that ends early has no order for what follows: its last value is held.
      let order = place < list.orders.count ? list.orders[place] : 1
      for later in (position + 1)..<max(callCount, position + 1) { orders[later] = order }
    }
    return orders
  }

  public mutating func decide(at position: Int, signals: some Signals) -> Decision {
    let index = stream!.index(of: position)
    return Decision(orders[index] == nil ? .compute : .predict, .schedule)
  }

  public mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    let (sigma, nextSigma) = (stream!.sigmas[position], stream!.nextSigmas[position])
    let order = min(orders[stream!.index(of: position)] ?? 1, history.count)
    var value = history[history.count - 1].value
    let recent = history.suffix(order)
    let span = recent.last!.nextSigma - recent.first!.sigma
    if order > 1, span != 0 {
      var average = Combination()
      for step in recent { average = average + step.value * ((step.nextSigma - step.sigma) / span) }
      let slope = (recent.first!.value - average) / span
      value = value - slope * (nextSigma - sigma)
    }
    history.append(Step(value: value, sigma: sigma, nextSigma: nextSigma))
    return Prediction(value)
  }

  public mutating func computed(at position: Int, signals: some Signals) {
    history.append(
      Step(
        value: Combination(valueAt: position), sigma: stream!.sigmas[position],
        nextSigma: stream!.nextSigmas[position]))
  }
}
