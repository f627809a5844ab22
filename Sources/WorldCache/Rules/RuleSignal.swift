import Trace

/// A number that a rule or a program looks at before a call is decided (docs/adding-a-policy.md).
enum RuleSignal: Hashable, Sendable {
  case change(ChangeSignal)
  case trajectory(TrajectorySignal)
  /// One number for each call of a stream.
  case table([Double])

  /// What a signal is asked from: the call, the computed calls before it, newest first, and how it predicts.
  struct Situation {
    var position: Int
    var stream: CallStream
    var computed: [Int]
    var predictor: (any Predictor)?
  }

  private static let kinds = ["change", "trajectory", "table"]

  /// Reads `{change: …}`, `{trajectory: …}` or `{table: …}`.
  init(_ field: Field) throws {
    let members = try field.members(RuleSignal.kinds + ChangeSignal.keys + TrajectorySignal.keys)
    let kind = RuleSignal.kinds.filter { members[$0] != nil }
    guard kind.count == 1 else {
      throw field.fault("\(field.name) needs exactly one of " + RuleSignal.kinds.joined(separator: ", "))
    }
    switch kind[0] {
    case "change": self = .change(try ChangeSignal(field.members(["change"] + ChangeSignal.keys)))
    case "trajectory":
      self = .trajectory(try TrajectorySignal(field.members(["trajectory"] + TrajectorySignal.keys)))
    default:
      let values = try field.members(["table"])["table"]!.reals()
      guard !values.isEmpty else { throw field.fault("\(field.name).table is empty") }
      self = .table(values)
    }
  }

  /// The tap from which on it is known within a call.
  var station: Tap {
    if case .change(let change) = self { change.quantity.station } else { .latent }
  }

  var changes: [ChangeRequest] {
    if case .change(let change) = self { change.requests } else { [] }
  }

  func check(_ geometry: Geometry, _ name: String) throws {
    guard case .table(let values) = self else { return }
    for segment in geometry.segments where segment.count != values.count {
      throw PolicyError(
        "\(name) has a table of \(values.count) numbers; chunk \(geometry.chunk) has \(segment.count) calls"
          + (geometry.segments.count > 1 ? " of one expert" : ""))
    }
  }

  /// Nil where too few calls have come before.
  func value(_ situation: Situation, _ signals: some Signals) -> Double? {
    switch self {
    case .change(let change): change.value(situation, signals)
    case .trajectory(let trajectory): trajectory.value(situation, signals)
    case .table(let values): values[situation.stream.index(of: situation.position)]
    }
  }
}

/// How much a quantity has changed since the call before or the last computed one.
struct ChangeSignal: Hashable, Sendable {
  enum Reference: String, CaseIterable { case previous, computed }
  enum Norm: String, CaseIterable { case l1, l2 }
  /// What the change is divided by.
  enum Divisor: Hashable, Sendable {
    case nothing
    /// The quantity's own size at the call that is referred to, or now.
    case reference, current
    /// The size of a quantity at the last computed call.
    case size(Quantity)
  }

  static let keys = ["from", "norm", "over", "rate"]

  let quantity: Quantity
  let reference: Reference
  let norm: Norm
  let divisor: Divisor
  /// Multiplies with how much the first changed per change of the second, between the last two computed calls.
  let rate: (of: Quantity, to: Quantity)?

  init(_ members: Members) throws {
    quantity = try members["change"]!.quantity()
    reference = Reference(
      rawValue: try members["from"]?.choice(Reference.allCases.map(\.rawValue)) ?? "previous")!
    norm = Norm(rawValue: try members["norm"]?.choice(Norm.allCases.map(\.rawValue)) ?? "l1")!
    switch members["over"] {
    case nil: divisor = .reference
    case let over? where over.isMapping:
      divisor = .size(try over.members(["size"]).required("size", Quantity.allowed).quantity())
    case let over?:
      switch try over.choice(["reference", "current", "none"]) {
      case "reference": divisor = .reference
      case "current": divisor = .current
      default: divisor = .nothing
      }
    }
    rate = try members["rate"].map { field in
      let rate = try field.members(["of", "to"])
      return (
        try rate.required("of", Quantity.allowed).quantity(),
        try rate.required("to", Quantity.allowed).quantity()
      )
    }
  }

  static func == (a: ChangeSignal, b: ChangeSignal) -> Bool {
    a.quantity == b.quantity && a.reference == b.reference && a.norm == b.norm && a.divisor == b.divisor
      && a.rate?.of == b.rate?.of && a.rate?.to == b.rate?.to
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(quantity)
    hasher.combine(reference)
  }

  private var request: ChangeRequest { ChangeRequest(quantity, reference == .previous ? .adjacent : .all) }

  var requests: [ChangeRequest] {
    var requests = [request]
    if case .size(let quantity) = divisor { requests.append(ChangeRequest(quantity, .adjacent)) }
    if let rate { requests += [ChangeRequest(rate.of, .all), ChangeRequest(rate.to, .all)] }
    return requests
  }

  func value(_ situation: RuleSignal.Situation, _ signals: some Signals) -> Double? {
    let now = situation.position
    let before = reference == .previous ? now - 1 : situation.computed.first
    guard situation.stream.index(of: now) > 0, let before else { return nil }
    var value = change(request, before, now, signals)
    switch divisor {
    case .nothing: break
    case .reference: value /= size(request, before, signals)
    case .current: value /= size(request, now, signals)
    case .size(let quantity):
      guard let computed = situation.computed.first else { return nil }
      value /= size(ChangeRequest(quantity, .adjacent), computed, signals)
    }
    guard let rate else { return value }
    guard situation.computed.count >= 2 else { return nil }
    let (newest, older) = (situation.computed[0], situation.computed[1])
    let moved = change(ChangeRequest(rate.of, .all), older, newest, signals)
    return moved / change(ChangeRequest(rate.to, .all), older, newest, signals) * value
  }

  private func change(_ request: ChangeRequest, _ u: Int, _ v: Int, _ signals: some Signals) -> Double {
    switch norm {
    case .l1: signals.meanAbsoluteChange(request, u, v)
    case .l2: signals.distance(request, u, v)
    }
  }

  private func size(_ request: ChangeRequest, _ position: Int, _ signals: some Signals) -> Double {
    switch norm {
    case .l1: signals.meanAbsolute(request, at: position)
    case .l2: signals.magnitude(request, at: position)
    }
  }
}

extension Quantity {
  static let allowed = "a tap such as modulated, or a difference of two such as 'block.1 - hidden.0'"
}

extension Field {
  /// A tap, or a difference of two.
  func quantity() throws -> Quantity {
    let parts = try text(Quantity.allowed).split(separator: "-", omittingEmptySubsequences: false).map {
      part in
      Tap(name: part.split(separator: " ").joined(separator: " "))
    }
    guard (1...2).contains(parts.count), let tap = parts[0], parts.count == 1 || parts[1] != nil else {
      throw refused(Quantity.allowed)
    }
    return Quantity(tap, minus: parts.count == 2 ? parts[1] : nil)
  }

  func tap() throws -> Tap {
    let allowed = "a tap such as latent, modulated or block.1"
    guard let tap = Tap(name: try text(allowed)) else { throw refused(allowed) }
    return tap
  }

  func coupling() throws -> Coupling {
    Coupling(rawValue: try choice(Coupling.allCases.map(\.rawValue)))!
  }
}
