import Trace

/// Decides as a program outside says, line by line (docs/external-policy.md).
///
/// A program is started to hear what it declares, and anew for every stream of calls; it ends with the stream.
struct ProgramPolicy: Policy {
  static let entry = PolicyEntry(
    name: "program", summary: "Asks a program in any language, one line of JSON for each decision.",
    source:
      "Your program; docs/external-policy.md is the protocol. Parameters that it declares can be set here.",
    parameters: parameters
  ) { spec in
    // The settings of the program itself are not known before it has been started.
    let known = spec.settings.filter { setting in parameters.contains { $0.key == setting.key } }
    _ = try ParameterValues.text("command", in: spec, among: parameters)
    let values = try ParameterValues(PolicySpec(name: spec.name, settings: known), parameters)
    let command = try ProgramCommand(values.text("command"), seconds: values.real("time-limit"))
    let session = try ProgramSession(command)
    let (declaration, firstLine) = (session.declaration, session.firstLine)
    return PolicyEntry.Loaded(parameters: parameters + declaration.parameters) { values in
      ProgramPolicy(
        spec: values.spec, command: command, declaration: declaration, firstLine: firstLine,
        settings: declaration.parameters.map { ($0.key, values.text($0.key)) })
    }
  }

  private static let parameters = [
    Parameter(
      "command", .text("a program and its arguments, separated by blanks"), default: nil,
      "how the program is started, without a shell"),
    Parameter("time-limit", .real(0.001...86_400), default: "10", "seconds that it has for each answer"),
  ]

  let spec: PolicySpec
  private let command: ProgramCommand
  private let declaration: ProgramDeclaration
  private let firstLine: String
  private let settings: [(String, String)]
  private var session: ProgramSession?
  private var stream: CallStream?
  /// Computed calls of the stream in ascending order.
  private var computed: [Int] = []
  private var groups: TokenGroups?
  private var combinations: [Combination] = []
  private(set) var failure: PolicyError?

  private init(
    spec: PolicySpec, command: ProgramCommand, declaration: ProgramDeclaration, firstLine: String,
    settings: [(String, String)]
  ) {
    self.spec = spec
    self.command = command
    self.declaration = declaration
    self.firstLine = firstLine
    self.settings = settings
  }

  var site: Site? { declaration.site }
  var station: Tap { declaration.station }
  var coupling: Coupling { declaration.coupling }
  var isSelfContained: Bool { false }
  var predictor: (any Predictor)? { nil }
  var cachedTensorCount: Int { declaration.tensorCount }

  func changes(blockCount: Int) -> [ChangeRequest] { declaration.signals.flatMap(\.signal.changes) }

  func check(_ geometry: Geometry) throws {
    for (name, signal) in declaration.signals {
      try signal.check(geometry, "the signal \(name) of \(command)")
    }
    try Rule.check(declaration.station, declaration.site, geometry, "\(command)")
  }

  mutating func begin(_ stream: CallStream) {
    self.stream = stream
    computed = []
    groups = nil
    combinations = []
    failure = nil
    // The program of the stream before ends first.
    session = nil
    let (command, firstLine, settings) = (command, firstLine, settings)
    session = attempt {
      let session = try ProgramSession(command)
      guard session.firstLine == firstLine else {
        throw PolicyError(
          "\(command) declares \(session.firstLine.inQuotes), but when first asked it declared \(firstLine.inQuotes)"
        )
      }
      try session.begin(stream, settings: settings)
      return session
    }
  }

  // The first failure ends the session; all later calls are computed.
  private mutating func attempt<Result>(_ body: () throws -> Result) -> Result? {
    do {
      return try body()
    } catch {
      failure = error as? PolicyError ?? PolicyError("\(command): \(error)")
      session = nil
      return nil
    }
  }

  mutating func decide(at position: Int, signals: some Signals) -> Decision {
    guard let session, let stream else { return Decision(.compute, .external) }
    let situation = RuleSignal.Situation(
      position: position, stream: stream, computed: computed.reversed(), predictor: nil)
    let values = declaration.signals.map { ($0.name, $0.signal.value(situation, signals)) }
    let computed = computed
    let answer = attempt {
      try session.answer(at: position, in: stream, computed: computed, signals: values)
    }
    guard let answer else { return Decision(.compute, .external) }
    combinations = answer.combinations
    return answer.decision
  }

  mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    if combinations.count > 1, let groups { return Prediction(combinations, groups: groups) }
    return Prediction(combinations[0])
  }

  mutating func computed(at position: Int, signals: some Signals) {
    computed.append(position)
    if let grouping = declaration.grouping, computed.count >= 3 {
      groups = grouping.groups(anchors: computed.suffix(3).reversed(), signals: signals)
    }
  }
}
