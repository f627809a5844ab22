public import Trace

/// One setting of a policy: its key, what values it takes, its default and what it means.
public struct Parameter: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    case real(ClosedRange<Double>)
    case integer(ClosedRange<Int>)
    case choice([String])
    /// What is cached, by the name of the site.
    case site
    /// Whole numbers of at least 1 joined by `+`, one for each chunk; a single one serves all.
    case counts
    /// Numbers joined by `+`.
    case numbers
    /// Any text, such as a file's name; what it should be, in words.
    case text(String)
    /// A number or a word that a file of the user's puts to use.
    case scalar
    /// So many of some words, in order, joined by `+`.
    case words([String], count: Int)
    /// Whole numbers joined by `+`.
    case wholeNumbers(ClosedRange<Int>)
  }

  public var key: String
  public var kind: Kind
  /// As it would be written; nil when the setting must be given.
  public var defaultValue: String?
  /// Defaults that follow from another parameter; nil when one serves all.
  public var otherDefaults: OtherDefaults?
  public var help: String
  /// The choice of another parameter that this one belongs to; nil when it always applies.
  public var condition: Condition?
  /// Whether the canonical spelling leaves it out where it has its default: for variations of a method.
  public var isQuiet: Bool

  public struct Condition: Hashable, Sendable {
    public var key: String
    public var choices: [String]
  }

  /// The defaults that hold for some choices of a parameter declared before.
  public struct OtherDefaults: Hashable, Sendable {
    public var key: String
    /// By choice; choices that are not named have the parameter's own default.
    public var values: [String: String]
  }

  public init(
    _ key: String, _ kind: Kind, default defaultValue: String?, by otherDefaults: OtherDefaults? = nil,
    _ help: String, when condition: Condition? = nil, isQuiet: Bool = false
  ) {
    self.key = key
    self.kind = kind
    self.defaultValue = defaultValue
    self.otherDefaults = otherDefaults
    self.help = help
    self.condition = condition
    self.isQuiet = isQuiet
  }

  /// Whether a file or a program may name a parameter so.
  static func isName(_ key: String) -> Bool { key.wholeMatch(of: /[a-z][a-z0-9-]*/) != nil }

  /// The values it takes, in words.
  public var allowed: String {
    switch kind {
    case .real(let range):
      "a number \(Parameter.bounds("\(range.lowerBound.shortest)", range.upperBound.shortest, range.upperBound == .greatestFiniteMagnitude))"
    case .integer(let range):
      "a whole number \(Parameter.bounds("\(range.lowerBound)", "\(range.upperBound)", range.upperBound == .max))"
    case .counts: "a whole number of at least 1, or one for each chunk joined by +"
    case .choice(let names): "one of " + names.joined(separator: ", ")
    case .site:
      "output, gain, guided, stack, hidden, rest.K (after K blocks) or rest.K.B (without the last B)"
    case .numbers: "numbers joined by +"
    case .words(let names, let count): "\(count) of \(names.joined(separator: ", ")), joined by +"
    case .wholeNumbers(let range):
      "whole numbers \(Parameter.bounds("\(range.lowerBound)", "\(range.upperBound)", range.upperBound == .max)), joined by +"
    case .text(let what): what
    case .scalar: "a number or a word, as the file uses it"
    }
  }

  /// What it means, with the defaults that follow from another parameter.
  public var meaning: String {
    guard let others = otherDefaults, !others.values.isEmpty else { return help }
    let choices = Dictionary(grouping: others.values.keys) { others.values[$0]! }
    let parts = choices.map { "\($0.key) for \($0.value.sorted().joined(separator: ", "))" }
    return "\(help) (default by \(others.key): \(parts.sorted().joined(separator: "; ")))"
  }

  /// What it is when nothing is written, with these values of the parameters declared before.
  func defaultValue(_ choices: [String: String]) -> String? {
    otherDefaults.flatMap { others in choices[others.key].flatMap { others.values[$0] } } ?? defaultValue
  }

  /// The parameter of policies that leave open what is cached.
  public static func site(_ name: String = "output") -> Parameter {
    Parameter("site", .site, default: name, "what is cached and predicted")
  }

  private static func bounds(_ low: String, _ high: String, _ isOpen: Bool) -> String {
    isOpen ? "of at least \(low)" : "from \(low) to \(high)"
  }
}

/// Checked values of a policy's parameters.
public struct ParameterValues: Sendable {
  private let policy: String
  private var reals: [String: Double] = [:]
  private var integers: [String: Int] = [:]
  private var choices: [String: String] = [:]
  private var counts: [String: [Int]] = [:]
  private var sites: [String: Site] = [:]
  private var texts: [String: String] = [:]
  private var numberLists: [String: [Double]] = [:]
  private var words: [String: [String]] = [:]
  private var wholeNumbers: [String: [Int]] = [:]
  /// The canonical spelling: every parameter in declared order, without quiet ones at their defaults.
  public let spec: PolicySpec

  /// Checks a spec's settings against the declared parameters and fills in the defaults.
  public init(_ spec: PolicySpec, _ parameters: [Parameter]) throws {
    policy = spec.name
    for setting in spec.settings where !parameters.contains(where: { $0.key == setting.key }) {
      let keys = parameters.map(\.key)
      guard !keys.isEmpty else {
        throw PolicyError("policy '\(spec.name)' has no parameters, so '\(setting.key)' cannot be set")
      }
      throw PolicyError(
        "policy '\(spec.name)' has no parameter '\(setting.key)'\(Spelling.hint(for: setting.key, in: keys)); it has "
          + keys.joined(separator: ", "))
    }
    var canonical = PolicySpec(name: spec.name)
    for parameter in parameters {
      let written = spec.settings.first { $0.key == parameter.key }?.value
      // Conditions name parameters declared before, whose values are known by now.
      if let condition = parameter.condition, !condition.choices.contains(choices[condition.key]!) {
        guard written == nil else {
          throw PolicyError(
            "\(parameter.key) of policy '\(spec.name)' belongs to \(condition.key)="
              + condition.choices.joined(separator: " or ") + ", not to \(choices[condition.key]!)")
        }
        continue
      }
      let standard = parameter.defaultValue(choices)
      guard let text = written ?? standard else {
        throw PolicyError("policy '\(spec.name)' needs \(parameter.key): \(parameter.allowed)")
      }
      let value = try ParameterValues.value(text, parameter, spec.name)
      switch value {
      case .real(let number): reals[parameter.key] = number
      case .integer(let number): integers[parameter.key] = number
      case .choice(let name): choices[parameter.key] = name
      case .counts(let numbers): counts[parameter.key] = numbers
      case .site(let site): sites[parameter.key] = site
      case .text(let text): texts[parameter.key] = text
      case .numbers(let numbers): numberLists[parameter.key] = numbers
      case .words(let names): words[parameter.key] = names
      case .wholeNumbers(let numbers): wholeNumbers[parameter.key] = numbers
      }
      if parameter.isQuiet, value.text == standard { continue }
      canonical.settings.append(.init(parameter.key, value.text))
    }
    self.spec = canonical
  }

  /// The text of a parameter that tells what the others are, read before they are known.
  static func text(_ key: String, in spec: PolicySpec, among parameters: [Parameter]) throws -> String {
    if let setting = spec.settings.first(where: { $0.key == key }) { return setting.value }
    // Says which key was meant, or that this one is missing.
    return try ParameterValues(spec, parameters).text(key)
  }

  /// A number in its shortest spelling; other words as they are.
  static func scalar(_ text: String) -> String {
    Double(text).map { $0.isFinite ? $0.shortest : text } ?? text
  }

  private enum Value {
    case real(Double)
    case integer(Int)
    case choice(String)
    case counts([Int])
    case site(Site)
    case text(String)
    case numbers([Double])
    case words([String])
    case wholeNumbers([Int])

    var text: String {
      switch self {
      case .real(let number): number.shortest
      case .integer(let number): "\(number)"
      case .choice(let name): name
      case .site(let site): site.name
      case .counts(let numbers): numbers.map(String.init).joined(separator: "+")
      case .text(let text): text
      case .numbers(let numbers): numbers.map(\.shortest).joined(separator: "+")
      case .words(let names): names.joined(separator: "+")
      case .wholeNumbers(let numbers): numbers.map(String.init).joined(separator: "+")
      }
    }
  }

  private static func value(_ text: String, _ parameter: Parameter, _ policy: String) throws -> Value {
    switch parameter.kind {
    case .real(let range):
      if let number = Double(text), range.contains(number) { return .real(number) }
    case .integer(let range):
      if let number = Int(text), range.contains(number) { return .integer(number) }
    case .choice(let names):
      if names.contains(text) { return .choice(text) }
    case .site:
      if let site = Site(name: text) { return .site(site) }
    case .text: return .text(text)
    case .numbers:
      let numbers = text.split(separator: "+", omittingEmptySubsequences: false).map { Double($0) ?? .nan }
      // A plus sign within a number would not read back.
      if numbers.allSatisfy({ abs($0) < 1e15 }) { return .numbers(numbers) }
    case .words(let names, let count):
      let words = text.split(separator: "+", omittingEmptySubsequences: false).map(String.init)
      if words.count == count, words.allSatisfy(names.contains) { return .words(words) }
    case .wholeNumbers(let range):
      let numbers = text.split(separator: "+", omittingEmptySubsequences: false).map { Int($0) }
      if numbers.allSatisfy({ $0.map(range.contains) ?? false }) {
        return .wholeNumbers(numbers.compactMap { $0 })
      }
    case .scalar: return .text(scalar(text))
    case .counts:
      let numbers = text.split(separator: "+", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
      // Equal numbers are one number: a setting has one spelling.
      if numbers.allSatisfy({ $0 >= 1 }) { return .counts(Set(numbers).count == 1 ? [numbers[0]] : numbers) }
    }
    throw PolicyError(
      "\(parameter.key)=\(text) of policy '\(policy)' is not allowed; it takes \(parameter.allowed)")
  }

  // Asking for a key that was not declared, does not apply, or has another type is a bug of the policy's file.
  public func real(_ key: String) -> Double { reals[key]! }
  public func integer(_ key: String) -> Int { integers[key]! }
  public func choice(_ key: String) -> String { choices[key]! }
  public func site(_ key: String) -> Site { sites[key]! }
  public func counts(_ key: String) -> [Int] { counts[key]! }
  public func text(_ key: String) -> String { texts[key]! }
  public func numbers(_ key: String) -> [Double] { numberLists[key]! }
  public func words(_ key: String) -> [String] { words[key]! }
  public func wholeNumbers(_ key: String) -> [Int] { wholeNumbers[key]! }

  /// A parameter that is a number, in whichever way it was declared; nil when it is none.
  func number(_ key: String) -> Double? {
    reals[key] ?? integers[key].map(Double.init) ?? texts[key].flatMap(Double.init)
  }

  /// For how many chunks numbers were given one by one; nil when every parameter serves all chunks.
  var chunkCount: Int? { counts.values.map(\.count).filter { $0 > 1 }.max() }
}

extension Double {
  /// The shortest spelling that reads back to the same number; whole numbers without a fraction.
  var shortest: String {
    self == rounded() && abs(self) < 1e15 ? String(Int(self)) : String(self)
  }
}
