import ModelSupport
import Testing
import Trace

@testable import WorldModel

struct DenoiserTests {
  private let config = TinyModel.config
  private let line = Tap.line(blockCount: 6)

  // The weights as they are, compared bit for bit: watching must not disturb.
  @Test(arguments: [1.0, 2.5])
  func watchingChangesNothing(guidance: Double) throws {
    var (plain, keeper) = (Onward(), Keeper())
    let guided = try TinyModel.evaluate(guidance: guidance, hook: &plain)
    #expect(try TinyModel.evaluate(guidance: guidance, hook: &keeper) == guided)
    #expect(guided.values.allSatisfy { $0.isFinite } && Set(guided.values).count > 100)

    #expect(keeper.begun == [TinyModel.group(guidance: guidance)])
    #expect(keeper.shown.map(\.tap) == line)
    #expect(keeper.shown.dropLast().allSatisfy { $0.tensors.count == (guidance == 1 ? 1 : 2) })
    #expect(keeper[.guided]?.count == 1)
    #expect(keeper[.block(6)] == keeper[.hidden(6)])
    #expect(
      keeper[.latent]?[0] == config.outputRows(TinyModel.noise(config.tokens, config.targetChannels, seed: 1))
    )
    // A tensor kept from an earlier tap must not change when the model goes on in place.
    #expect(Set(keeper.shown.map(\.tensors[0])).count == line.count - (guidance == 1 ? 2 : 1))
  }

  @Test func branchesMeetByTheFormula() throws {
    var keeper = Keeper()
    _ = try TinyModel.evaluate(guidance: 2.5, hook: &keeper)
    let (outputs, guided) = (try #require(keeper[.output]), try #require(keeper[.guided]))
    for (index, value) in guided[0].values.enumerated() {
      let (conditional, unconditional) = (outputs[0].values[index], outputs[1].values[index])
      #expect(value == unconditional + 2.5 * (conditional - unconditional))
    }
    #expect(outputs[0] != outputs[1])
  }

  // A jump with exactly what the model would have computed may change no bit, wherever it starts and
  // ends: stretches skipped on the way are made up for when they are needed.
  @Test(arguments: [1.0, 2.5])
  func jumpsWithFreshTensorsChangeNothing(guidance: Double) throws {
    var fresh = Keeper()
    let guided = try TinyModel.evaluate(guidance: guidance, hook: &fresh)
    for (from, start) in line.enumerated() {
      for target in line.dropFirst(from + 1) {
        var jumper = Keeper(jump: (start, target, try #require(fresh[target])))
        #expect(try TinyModel.evaluate(guidance: guidance, hook: &jumper) == guided, "\(start) to \(target)")
        #expect(jumper.shown.map(\.tap) == line.filter { $0 <= start || $0 >= target })
      }
    }
  }

  // And other tensors must tell: none of the taps is a dead end.
  @Test(arguments: Tap.line(blockCount: 6).dropFirst().dropLast())
  func jumpsWithOtherTensorsMatter(target: Tap) throws {
    var fresh = Keeper()
    let guided = try TinyModel.evaluate(guidance: 1, hook: &fresh)
    var other = try #require(fresh[target])
    for i in other[0].values.indices { other[0].values[i] += 0.5 * Float(i % 3) }
    var jumper = Keeper(jump: (.latent, target, other))
    #expect(try TinyModel.evaluate(guidance: 1, hook: &jumper) != guided)
  }

  @Test func aJumpToOutputIsGuided() throws {
    // 1 + 2 (3 - 1) = 5 in every channel that counts.
    let rows = config.outputRows(TinyModel.noise(config.tokens, config.targetChannels, seed: 4))
    func full(_ value: Float) -> Tensor {
      Tensor(rows: rows.rows, columns: rows.columns, values: rows.values.map { _ in value })
    }
    var jumper = Keeper(jump: (.latent, .output, [full(3), full(1)]))
    let guided = try TinyModel.evaluate(guidance: 2, hook: &jumper)
    #expect(guided.values.allSatisfy { $0 == 5 })
    #expect(jumper.shown.map(\.tap) == [.latent, .output, .guided])
  }

  @Test func aJumpToGuidedEndsTheCall() throws {
    let tokens = TinyModel.noise(config.tokens, config.targetChannels, seed: 4)
    var jumper = Keeper(jump: (.latent, .guided, [config.outputRows(tokens)]))
    #expect(try TinyModel.evaluate(guidance: 2.5, hook: &jumper) == tokens)
    #expect(jumper.shown.map(\.tap) == [.latent, .guided])
  }

  @Test func aJumpOverTheBlocksLandsExactly() throws {
    let stream = [5, 6].map { TinyModel.noise(config.tokens, config.dim, seed: $0) }
    var jumper = Keeper(jump: (.hidden(0), .hidden(6), stream))
    let guided = try TinyModel.evaluate(guidance: 2.5, hook: &jumper)
    #expect(jumper.shown.map(\.tap) == [.latent, .timestep, .hidden(0), .hidden(6), .output, .guided])
    #expect(jumper[.hidden(6)] == stream)
    // The final layer alone decides now, so another start of the jump gives the same result.
    var early = Keeper(jump: (.latent, .hidden(6), stream))
    #expect(try TinyModel.evaluate(guidance: 2.5, hook: &early) == guided)
  }

  @Test func aHookMayJumpAgainFromWhereItLanded() throws {
    struct Twice: CallHook {
      let stream: [Tensor]
      let end: Tensor
      mutating func begin(_ group: [Call]) {}
      mutating func reached(_ tap: Tap, _ tensors: [Tensor]) -> Passage {
        switch tap {
        case .latent: .jump(to: .block(2), with: stream)
        case .block(2): .jump(to: .guided, with: [end])
        default: .onward
        }
      }
    }
    let tokens = TinyModel.noise(config.tokens, config.targetChannels, seed: 4)
    let stream = [TinyModel.noise(config.tokens, config.dim, seed: 5)]
    var hook = Twice(stream: stream, end: config.outputRows(tokens))
    #expect(try TinyModel.evaluate(guidance: 1, hook: &hook) == tokens)
  }

  // Backwards, to itself, past the end, off the line, and with tensors that do not fit.
  @Test(arguments: [
    (Tap.block(3), Tap.block(2), 1, 16), (.block(3), .block(3), 1, 16), (.guided, .output, 1, 48),
    (.latent, .block(7), 1, 16), (.latent, .hidden(3), 1, 16), (.latent, .block(1), 2, 16),
    (.latent, .block(1), 0, 16), (.latent, .block(1), 1, 15), (.latent, .output, 1, 16),
  ])
  func impossibleJumpsAreRefused(from: Tap, to: Tap, count: Int, columns: Int) {
    let tensors = (0..<count).map { _ in Tensor(zeros: config.tokens, columns) }
    #expect {
      var jumper = Keeper(jump: (from, to, tensors))
      _ = try TinyModel.evaluate(guidance: 1, hook: &jumper)
    } throws: {
      ($0 as? TraceError)?.code == .invalid
    }
  }

  // Replacing the second branch's stream at the end of the blocks is jumping there with both streams.
  @Test func aReplacedTensorIsGoneOnFrom() throws {
    struct Replacer: CallHook {
      let tap: Tap
      let tensors: [Tensor?]
      var seen: [Tensor] = []
      mutating func begin(_ group: [Call]) {}
      mutating func reached(_ tap: Tap, _ tensors: [Tensor]) -> Passage {
        guard tap == self.tap else { return .onward }
        seen = tensors
        return .replace(with: self.tensors)
      }
    }
    let stream = TinyModel.noise(config.tokens, config.dim, seed: 5)
    var replacer = Replacer(tap: .hidden(6), tensors: [nil, stream])
    let guided = try TinyModel.evaluate(guidance: 2.5, hook: &replacer)
    var jumper = Keeper(jump: (.latent, .hidden(6), [replacer.seen[0], stream]))
    #expect(try TinyModel.evaluate(guidance: 2.5, hook: &jumper) == guided)
    for wrong in [
      Replacer(tap: .latent, tensors: [nil, nil]), Replacer(tap: .hidden(6), tensors: [stream]),
      Replacer(tap: .output, tensors: [nil, stream]),
    ] {
      var hook = wrong
      #expect(throws: TraceError.self) { try TinyModel.evaluate(guidance: 2.5, hook: &hook) }
    }
  }
}
