import Foundation
import Testing
import Trace

@testable import WorldCache

@Suite("program")
struct ProgramPolicyTests {
  private static let script = Fixture.path("program.py")
  /// As errors name it.
  private static func name(_ mode: String, _ argument: String = "") -> String {
    "program 'python3 \(script) \(mode)\(argument.isEmpty ? "" : " " + argument)'"
  }

  private func spec(_ mode: String, _ argument: String = "", seconds: Double = 30) -> String {
    let quoted = argument.isEmpty ? "" : " '\(argument)'"
    let command = "python3 \(Self.script) \(mode)\(quoted)"
    return PolicySpec(
      name: "program",
      settings: [.init("command", command), .init("time-limit", "\(seconds)")]
    ).description
  }

  /// Replays as a command would: the first thing that went wrong is thrown.
  private func replay(_ spec: String, _ synthetic: Synthetic = line) throws -> Replay {
    let plan = try PolicyRegistry.plan(spec)
    return try Replay(plan, over: [try synthetic.geometry(for: plan)])
  }

  private static let line = Synthetic(tokens: [
    [0, 1, 2, 3, 4, 5], [0, 2, 4, 6, 8, 10], [0, 9, 9, 9, 9, 9],
  ])

  @Test("the Python example decides as the rule of the same method", arguments: [0.05, 0.5, 2])
  func example(threshold: Double) throws {
    for family in Synthetic.Family.allCases {
      let synthetic = Synthetic(family, seed: 6, branches: 2, calls: 17, tokens: 5)
      let program = try StreamReplay(
        "program:command=python3 \(Fixture.example("easycache.py")),threshold=\(threshold)", synthetic)
      let rule = try StreamReplay(
        "rule:file=\(Fixture.example("easycache.yaml")),threshold=\(threshold)", synthetic)
      #expect(program.failure == nil)
      #expect(program.picture == rule.picture, "\(family)")
      #expect(program.callErrors == rule.callErrors, "\(family)")
      for (told, own) in zip(program.decisions, rule.decisions) where told.signal != nil {
        #expect(told.signal == own.signal && told.threshold == own.threshold && told.reason == .external)
      }
    }
  }

  @Test("its parameters stand in the spelling, and the command is quoted where it must be")
  func spelling() throws {
    let plan = try PolicyRegistry.plan("program:warmup=4,command=python3 \(Fixture.example("easycache.py"))")
    #expect(
      plan.spec.description
        == "program:command=python3 \(Fixture.example("easycache.py")),time-limit=10,threshold=0.05,warmup=4")
    expectPolicyError(
      "policy 'program' has no parameter 'warm-up' (did you mean 'warmup'?); it has command, time-limit, threshold, warmup"
    ) { _ = try PolicyRegistry.plan("program:warm-up=4,command=python3 \(Fixture.example("easycache.py"))") }
    let quoted = try PolicyRegistry.plan(#"program:command="python3 "# + Self.script + #" line 'a,b'""#)
    #expect(
      quoted.spec.description == #"program:command="python3 "# + Self.script + #" line 'a,b'",time-limit=10"#)
    #expect(try PolicyRegistry.plan(quoted.spec.description).spec == quoted.spec)
  }

  @Test("weights are taken as they are, with the signal and the threshold")
  func weights() throws {
    // Token 2 stands still from call 1 on, so that the line through calls 1 and 2 is right for all.
    let stream = try replay(spec("line")).streams[0]
    #expect(stream.picture == "CCCpCC")
    #expect(stream.callErrors[0][3] < 1e-6)
    #expect(stream.lanes[0][3] == Decision(.predict, .external, signal: 0.25, threshold: 0.5))
  }

  @Test("groups are by quantiles of what was declared")
  func groups() throws {
    // Curvature: 0 for the straight tokens, 9 / ε for the one that jumped, and the quantile between them: each
    // group is predicted exactly.
    let stream = try replay(spec("groups")).streams[0]
    #expect(stream.picture == "CCCpCC")
    #expect(stream.callErrors[0][3] < 1e-6)
  }

  @Test("branches that decide for themselves have programs of their own")
  func separate() throws {
    let synthetic = Synthetic(.smooth, seed: 2, branches: 2, calls: 6, tokens: 2)
    let stream = try replay(spec("separate"), synthetic).streams[0]
    #expect([0, 1].map(stream.picture) == ["CpCpCp", "CppCpp"])
  }

  @Test("replays at the same time do not disturb one another")
  func parallel() async throws {
    let (spec, synthetic) = (spec("separate"), Synthetic(.smooth, seed: 2, branches: 2, calls: 12, tokens: 2))
    let plan = try PolicyRegistry.plan(spec)
    let geometry = try synthetic.geometry(for: plan)
    let pictures = try await withThrowingTaskGroup(of: String.self) { group in
      for _ in 0..<6 {
        group.addTask { StreamReplay(try plan.policy(for: geometry), over: geometry).picture(lane: 1) }
      }
      return try await group.reduce(into: Set<String>()) { $0.insert($1) }
    }
    #expect(pictures == ["CppCppCppCpp"])
  }

  @Test("it is told what it needs to know")
  func messages() throws {
    try Fixture.with("told", "") { path in
      _ = try replay(spec("echo", path), Synthetic(.straight, seed: 3, calls: 3, tokens: 2, channels: 3))
      let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
      #expect(lines.count == 3)
      let document = try JSONText.parse(String(lines[2]), of: "told")
      let members = try Field(file: "told", name: "", document: document).members(["begin", "decide"])
      let begin = try members["begin"]!.members([
        "protocol", "chunk", "branch", "branches", "first", "calls", "steps", "timesteps", "sigmas",
        "elements",
        "parameters",
      ])
      #expect(try begin["calls"]!.integer(in: 3...3) == 3)
      #expect(try begin["elements"]!.integer(in: 6...6) == 6)
      #expect(try begin["sigmas"]!.reals()[0] == 1)
      let decide = try members["decide"]!.members([
        "position", "index", "step", "timestep", "sigma", "last", "computed", "signals",
      ])
      #expect(try decide["position"]!.integer(in: 2...2) == 2)
      #expect(try decide["last"]!.flag())
      let computed = try decide["computed"]!.items().map { try $0.integer(in: 0...1) }
      #expect(computed == [0, 1])
    }
  }

  // MARK: - What goes wrong

  private func expectFailure(
    _ mode: String, _ argument: String = "", seconds: Double = 30, saying message: String,
    location: SourceLocation = #_sourceLocation
  ) {
    expectPolicyError(Self.name(mode, argument) + message, location: location) {
      _ = try replay(spec(mode, argument, seconds: seconds))
    }
  }

  @Test("a program that cannot be started")
  func start() {
    expectPolicyError("program '/nowhere/policy' cannot be started: No such file or directory") {
      _ = try PolicyRegistry.plan("program:command=/nowhere/policy")
    }
    expectPolicyError("program '/tmp' cannot be started: Permission denied") {
      _ = try PolicyRegistry.plan("program:command=/tmp")
    }
    expectPolicyError("command='a of policy 'program' has a quote that does not end") {
      _ = try PolicyRegistry.plan("program:command='a")
    }
    expectPolicyError("command='' of policy 'program' names no program") {
      _ = try PolicyRegistry.plan("program:command=''")
    }
    expectPolicyError("policy 'program' needs command: a program and its arguments, separated by blanks") {
      _ = try PolicyRegistry.plan("program")
    }
    expectPolicyError(
      "time-limit=0 of policy 'program' is not allowed; it takes a number from 0.001 to 86400"
    ) {
      _ = try PolicyRegistry.plan("program:command=cat,time-limit=0")
    }
  }

  @Test("a program that ends too soon says with which code, and its last words")
  func ending() {
    expectFailure(
      "early-exit",
      saying: " ended with exit code 7 in place of its first line; its last words: 'no model here'")
    expectFailure(
      "crash",
      saying:
        " ended with exit code 1 at call 2 of chunk 0; its last words: 'ZeroDivisionError: the policy broke'")
    expectFailure("killed", saying: " was ended by signal 9 at call 2 of chunk 0")
    expectPolicyError("program 'true' ended with exit code 0 in place of its first line") {
      _ = try PolicyRegistry.plan("program:command=true")
    }
  }

  @Test("a program that does not answer in time is ended")
  func late() throws {
    try Fixture.with("pid", "") { path in
      expectFailure(
        "silent", path, seconds: 6,
        saying: " has not answered within 6 seconds in place of its first line (time-limit=6)")
      try expectGone(path)
      expectFailure(
        "sleep", path, seconds: 6,
        saying: " has not answered within 6 seconds at call 2 of chunk 0 (time-limit=6)")
      try expectGone(path)
      expectFailure("deaf", path, saying: " closed its output at call 2 of chunk 0")
      try expectGone(path)
    }
  }

  // The process that wrote its number to a file is no more.
  private func expectGone(_ path: String) throws {
    let number = try #require(try Int32(String(contentsOfFile: path, encoding: .utf8)))
    #expect(kill(number, 0) == -1 && errno == ESRCH, "\(number)")
  }

  @Test("what a program has started ends with it")
  func grandchildren() throws {
    try Fixture.with("pid", "") { path in
      // The shell goes on behind a program that sleeps.
      let command = "sh -c 'python3 \(Self.script) silent \(path); true'"
      expectPolicyError(
        "program 'sh -c python3 \(Self.script) silent \(path); true' has not answered within 6 seconds in place of "
          + "its first line (time-limit=6)"
      ) { _ = try PolicyRegistry.plan("program:command=\(command),time-limit=6") }
      let number = try #require(try Int32(String(contentsOfFile: path, encoding: .utf8)))
      // Nobody but the system waits for it: it may be there for a moment, or as a dead entry, but it ends.
      let deadline = ContinuousClock.now + .seconds(20)
      func runs() -> Bool {
        let state = try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8)
        return state.map { !$0.contains(") Z ") && !$0.contains(") X ") } ?? false
      }
      while runs(), ContinuousClock.now < deadline { sched_yield() }
      #expect(!runs())
    }
  }

  @Test("a program that babbles")
  func babble() {
    expectFailure(
      "no-json", saying: " declares 'hello there': this is not JSON: 'hello' is no value")
    expectFailure("binary", saying: " wrote a line that is not UTF-8 text in place of its first line")
    expectFailure(
      "endless",
      saying:
        " wrote a line of more than 1048576 bytes in place of its first line, beginning '\(String(repeating: "x", count: 80))…'"
    )
    expectFailure(
      "babble",
      saying:
        " wrote '{\"position\": 0, \"decision\": \"compute\"}' before it was asked when told that a stream begins; one line "
        + "answers one question")
    expectFailure(
      "twice",
      saying:
        " wrote '{\"position\": 3, \"decision\": \"compute\"}' before it was asked at call 3 of chunk 0; one line answers "
        + "one question")
    expectPolicyError(
      Self.name("long") + " wrote a line of more than 1048576 bytes at call 2 of chunk 0, beginning "
        + "'{\"position\": 2, \"decision\": \"compute\", \"note\": \"" + String(repeating: "x", count: 32)
        + "…'"
    ) { _ = try replay(spec("long")) }
    #expect(throws: PolicyError.self) { try replay(spec("changing")) }
  }

  @Test("the first call cannot be predicted")
  func first() {
    expectFailure(
      "first",
      saying:
        " at call 0 of chunk 0 answers '{\"position\": 0, \"decision\": \"predict\", \"weights\": {\"0\": 1}}': call 0 is the "
        + "first of its stream; it must be computed")
  }

  @Test(
    "a wrong answer is quoted with its call and what is allowed",
    arguments: [
      (
        #"{"position": 2, "decision": "predict", "weights": {"1": NaN}}"#,
        "this is not JSON: 'NaN' is no value"
      ),
      (
        #"{"position": 2, "decision": "predict", "weights": {"1": 1}"#,
        "this is not JSON: a comma or } should follow the value of \"weights\""
      ),
      (" ", "this is not JSON: it ends where a value should stand"),
      (
        "[1]",
        "the whole is a list; it takes keys out of position, decision, weights, groups, signal, threshold"
      ),
      (#"{"decision": "compute"}"#, "needs position: the call that was asked about, 2"),
      (
        #"{"position": 1, "decision": "compute"}"#,
        "position is '1'; it takes the call that was asked about, 2"
      ),
      (#"{"position": 2}"#, "needs decision: one of compute, predict"),
      (#"{"position": 2, "decision": "skip"}"#, "decision is 'skip'; it takes one of compute, predict"),
      (
        #"{"position": 2, "decision": "compute", "treshold": 1}"#,
        "there is no key 'treshold' (did you mean 'threshold'?); known are position, decision, weights, groups, signal, threshold"
      ),
      (
        #"{"position": 2, "decision": "predict"}"#,
        "the decision predict needs exactly one of weights, groups"
      ),
      (
        #"{"position": 2, "decision": "compute", "weights": {"1": 1}}"#,
        "weights stands beside the decision compute"
      ),
      (
        #"{"position": 2, "decision": "predict", "weights": {}}"#,
        "weights is empty; it takes computed calls with their weights"
      ),
      (
        #"{"position": 2, "decision": "predict", "weights": {"2": 1}}"#,
        "weights names '2', which is no computed call of this stream; computed are 0, 1"
      ),
      (
        #"{"position": 2, "decision": "predict", "weights": {"-1": 1}}"#,
        "weights names '-1', which is no computed call of this stream; computed are 0, 1"
      ),
      (
        #"{"position": 2, "decision": "predict", "weights": {"1": "1"}}"#,
        "weights.1 is '1'; it takes a number"
      ),
      (
        #"{"position": 2, "decision": "predict", "weights": {"1": 1e999}}"#,
        "weights.1 is '1e999'; it takes a number"
      ),
      (#"{"position": 2, "decision": "predict", "weights": {"1": 1, "1": 2}}"#, "1 is given twice"),
      (
        #"{"position": 2, "decision": "predict", "groups": [{"1": 1}]}"#,
        "groups were not declared in its first line"
      ),
      (#"{"position": 2, "decision": "compute", "signal": "high"}"#, "signal is 'high'; it takes a number"),
    ])
  func wrong(line: String, message: String) {
    let shown = "'\(line.prefix(120))'"
    expectFailure("wrong", line, saying: " at call 2 of chunk 0 answers \(shown): \(message)")
  }

  @Test(
    "a wrong declaration is quoted with what is allowed",
    arguments: [
      (#"{"site": "output"}"#, "needs protocol: the version of this protocol, 1"),
      (
        #"{"protocol": 2, "site": "output"}"#,
        "protocol is '2'; it takes 1, the version that this tool speaks"
      ),
      (#"{"protocol": 1}"#, "needs site: \(Parameter.site().allowed)"),
      (
        #"{"protocol": 1, "site": "output", "signal": {}}"#,
        "there is no key 'signal' (did you mean 'signals'?); known are protocol, name, site, station, coupling, parameters, signals, groups, tensors"
      ),
      (
        #"{"protocol": 1, "site": "output", "signals": {"d": {"trajectory": "drift"}}}"#,
        "signals.d asks for drift, which needs a predictor; a program has none of ours"
      ),
      (
        #"{"protocol": 1, "site": "output", "signals": {"d": {"change": "block.x"}}}"#,
        "signals.d.change is 'block.x'; it takes \(Quantity.allowed)"
      ),
      (
        #"{"protocol": 1, "site": "stack", "station": "latent", "signals": {"d": {"change": "modulated"}}}"#,
        "station is latent, but its signals are known only from modulated on"
      ),
      (
        #"{"protocol": 1, "site": "output", "parameters": {"command": 1}}"#,
        "'command' cannot be a parameter's name; it takes small letters, digits and -, but not command or time-limit"
      ),
      (
        #"{"protocol": 1, "site": "output", "groups": {"by": "size", "quantiles": [0.5]}}"#,
        "groups.by is 'size'; it takes one of curvature, speed, acceleration"
      ),
    ])
  func declaration(line: String, message: String) {
    expectPolicyError("program 'p' declares \(line.inQuotes): \(message)") {
      _ = try ProgramDeclaration(line, of: "program 'p'")
    }
  }

  @Test("a command is split at blanks that are not in quotes")
  func words() throws {
    let words = try ProgramCommand(
      #"python3  -c 'a "b" c' "d 'e'" f"g h"'"#.dropLast().description, seconds: 1
    ).words
    #expect(words == ["python3", "-c", #"a "b" c"#, "d 'e'", "fg h"])
  }

  @Test("JSON is read strictly, with every escape")
  func json() throws {
    let text = try JSONText.parse(#""\u00e9\ud83d\ude00\n\/\"é""#, of: "x")
    guard case .scalar(let value, isQuoted: true) = text.value else {
      Issue.record("no text")
      return
    }
    #expect(value == "é😀\n/\"é")
    for (bad, message) in [
      ("{\"a\" 1}", "a colon should follow the key \"a\""),
      ("{a: 1}", "a key in double quotes should stand here"),
      ("[01]", "'01' is no value"), ("[1.]", "'1.' is no value"), ("[+1]", "'+1' is no value"),
      ("[\"\\x\"]", "\\x is no escape"), ("[\"\\u12g4\"]", "four hexadecimal digits should follow \\u"),
      ("\"a", "a text in quotes does not end"),
      ("\"a\nb\"", "a text in quotes runs over the end of its line"),
      ("[1,]", "a value should stand here"), ("", "it ends where a value should stand"),
      (String(repeating: "[", count: 70), "it is nested more than 64 deep"),
    ] {
      expectPolicyError("x: this is not JSON: \(message)") {
        _ = try JSONText.parse(bad, of: "x", isLine: true)
      }
    }
  }
}
