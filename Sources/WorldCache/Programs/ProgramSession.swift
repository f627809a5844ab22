import Synchronization
import Trace

/// A running program and the answers that it gives about one stream of calls.
final class ProgramSession: Sendable {
  private let child: Mutex<ChildProcess>
  private let command: ProgramCommand
  let declaration: ProgramDeclaration
  /// Its first line, as written.
  let firstLine: String

  /// Starts the program and reads what it declares.
  init(_ command: ProgramCommand) throws {
    self.command = command
    do {
      var child = try ChildProcess(command.words)
      do throws(ChildProcess.Failure) {
        firstLine = try child.receive(until: .now + command.timeLimit)
      } catch {
        throw command.fault(error, child.lastWords, "in place of its first line")
      }
      self.child = Mutex(child)
    } catch let failure as ChildProcess.Failure {
      throw command.fault(failure, "", "")
    }
    declaration = try ProgramDeclaration(firstLine, of: "\(command)")
  }

  /// Tells the program which stream begins and how its parameters are set.
  func begin(_ stream: CallStream, settings: [(String, String)]) throws {
    func numbers(_ values: [Double]) -> JSONValue { .array(values[stream.positions].map { .number($0) }) }
    let message = JSONValue.object([
      (
        "begin",
        .object([
          ("protocol", .integer(ProgramDeclaration.version)), ("chunk", .integer(stream.chunk)),
          ("branch", .integer(stream.branch)), ("branches", .integer(stream.branchCount)),
          ("first", .integer(stream.positions.lowerBound)), ("calls", .integer(stream.count)),
          ("steps", .array(stream.steps[stream.positions].map { .integer($0) })),
          ("timesteps", numbers(stream.timesteps)), ("sigmas", numbers(stream.sigmas)),
          ("elements", .integer(stream.elementCount)),
          (
            "parameters",
            .object(settings.map { ($0, Double($1).map { .number($0) } ?? .string($1)) })
          ),
        ])
      )
    ])
    try exchange("when told that a stream begins") { child, deadline throws(ChildProcess.Failure) in
      try child.send(message.line, until: deadline)
    }
  }

  /// Asks about a call; nil stands for signals that are not known yet.
  func answer(
    at position: Int, in stream: CallStream, computed: [Int], signals: [(String, Double?)]
  ) throws -> ProgramAnswer {
    let message = JSONValue.object([
      (
        "decide",
        .object([
          ("position", .integer(position)), ("index", .integer(stream.index(of: position))),
          ("step", .integer(stream.steps[position])), ("timestep", .number(stream.timesteps[position])),
          ("sigma", .number(stream.sigmas[position])),
          ("last", .bool(stream.isLastCall(position))),
          ("computed", .array(computed.map { .integer($0) })),
          ("signals", .object(signals.map { ($0, $1.map { .number($0) } ?? .null) })),
        ])
      )
    ])
    let place =
      "at call \(position) of chunk \(stream.chunk)"
      + (stream.branchCount > 1 ? ", branch \(stream.branch)" : "")
    let line = try exchange(place) { child, deadline throws(ChildProcess.Failure) in
      try child.send(message.line, until: deadline)
      return try child.receive(until: deadline)
    }
    return try ProgramAnswer(
      line, to: position, computed: computed,
      groupCount: declaration.grouping.map { $0.quantiles.count + 1 }, context: "\(command) \(place)")
  }

  private func exchange<Result: Sendable>(
    _ place: String,
    _ body: (inout ChildProcess, ContinuousClock.Instant) throws(ChildProcess.Failure) -> Result
  ) throws -> Result {
    try child.withLock { child in
      do throws(ChildProcess.Failure) {
        return try body(&child, .now + command.timeLimit)
      } catch {
        throw command.fault(error, child.lastWords, place)
      }
    }
  }
}

/// How a program is started, and how long it may think.
struct ProgramCommand: Sendable, CustomStringConvertible {
  let words: [String]
  let seconds: Double

  var timeLimit: Duration { .seconds(seconds) }

  /// Splits at blanks; single or double quotes keep blanks together. No shell is involved.
  init(_ text: String, seconds: Double) throws {
    var words: [String] = []
    var word: String?
    var quote: Character?
    for character in text {
      switch character {
      case _ where character == quote: quote = nil
      case _ where quote != nil: word!.append(character)
      case "'", "\"":
        quote = character
        word = word ?? ""
      case " ":
        if let word { words.append(word) }
        word = nil
      default: word = (word ?? "") + String(character)
      }
    }
    guard quote == nil else {
      throw PolicyError("command=\(text) of policy 'program' has a quote that does not end")
    }
    if let word { words.append(word) }
    guard let first = words.first, !first.isEmpty else {
      throw PolicyError("command=\(text) of policy 'program' names no program")
    }
    self.words = words
    self.seconds = seconds
  }

  var description: String { "program '\(words.joined(separator: " "))'" }

  func fault(_ failure: ChildProcess.Failure, _ lastWords: String, _ place: String) -> PolicyError {
    let what =
      switch failure {
      case .notStarted(let reason): "\(self) cannot be started: \(reason)"
      case .ended(let how): "\(self) \(how) \(place)"
      case .late:
        "\(self) has not answered within \(seconds.shortest) seconds \(place) (time-limit=\(seconds.shortest))"
      case .tooLong(let start):
        "\(self) wrote a line of more than \(ChildProcess.longestLine) bytes \(place), beginning \(start.inQuotes)"
      case .notText: "\(self) wrote a line that is not UTF-8 text \(place)"
      case .unasked(let line):
        "\(self) wrote \(line.inQuotes) before it was asked \(place); one line answers one question"
      }
    return PolicyError(lastWords.isEmpty ? what : "\(what); its last words: \(lastWords.inQuotes)")
  }
}
