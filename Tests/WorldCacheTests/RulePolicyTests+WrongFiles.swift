import Testing
import Trace

@testable import WorldCache

/// Rules that are refused, each with its line.
extension RulePolicyTests {
  /// A rule's text, `@` standing for a sound beginning, with the line and the message it is refused with.
  struct Wrong: Sendable {
    let text: String
    let line: Int
    let message: String

    init(_ text: String, _ line: Int, _ message: String...) {
      self.text = text.hasPrefix("@") ? "rule: 1\nsite: output\npredict: hold\n" + text.dropFirst() : text
      self.line = line
      self.message = message.joined()
    }
  }

  private static let keys = Rule.keys.joined(separator: ", ")
  private static let wrongFiles: [Wrong] = [
    Wrong("site: output\npredict: hold", 1, "needs rule: the version of this format, 1"),
    Wrong("rule: 2", 1, "rule is '2'; it takes 1, the version of this format"),
    Wrong("rule: 1\npredict: hold", 1, "needs site: \(Parameter.site().allowed)"),
    Wrong(
      "rule: 1\nsite: outptu\npredict: hold", 2, "site is 'outptu'; it takes \(Parameter.site().allowed)"),
    Wrong("rule: 1\nsite: output", 1, "needs predict: hold, taylor, damped or groups"),
    Wrong(
      "@gaurds: {}", 4,
      "there is no key 'gaurds' (did you mean 'guards'?); known are \(keys)"
    ),
    Wrong(
      "@guards: {frist: 1}", 4,
      "guards has no key 'frist' (did you mean 'first'?); known are first, last, longest-streak, minimum-gap, ",
      "budget, sigma"
    ),
    Wrong("@guards: {first: 0}", 4, "guards.first is '0'; it takes a whole number from 1 to 1000000"),
    Wrong("@guards: {first: two}", 4, "guards.first is 'two'; it takes a whole number from 1 to 1000000"),
    Wrong(
      "@guards:\n  first: 1\n  budget: -1", 6,
      "guards.budget is '-1'; it takes a whole number of at least 0"
    ),
    Wrong(
      "@guards: {longest-streak: 2, minimum-gap: 4}", 4,
      "minimum-gap is 4, more than longest-streak allows: at most 3"
    ),
    Wrong(
      "@guards: {sigma: [1, 0]}", 4,
      "guards.sigma must be the lowest and the highest noise level, in that order"
    ),
    Wrong(
      "@threshold: 1", 4,
      "there is no key 'threshold'; known are \(keys)"
    ),
    Wrong("@accumulate: sum", 4, "accumulate needs a signal"),
    Wrong("@predict-while: {below: 1}", 4, "predict-while needs a signal"),
    Wrong(
      "@signal: {change: modulated}", 1,
      "a signal needs exactly one of predict-while: {below: …}, predict-while: {at-most: …}, ",
      "compute-when: {above: …}, compute-when: {at-least: …}"
    ),
    Wrong(
      "@signal: {change: modulated}\npredict-while: {below: 1, at-most: 2}", 5,
      "predict-while needs exactly one of below, at-most"
    ),
    Wrong(
      "@signal: {change: modulated}\npredict-while: {below: .nan}", 5,
      "predict-while.below is '.nan'; it takes a number"
    ),
    Wrong(
      "@signal: {change: modulated}\npredict-while: {below: '1'}", 5,
      "predict-while.below is '1'; it takes a number"
    ),
    Wrong("@signal: {}", 4, "signal needs exactly one of change, trajectory, table"),
    Wrong(
      "@signal: {change: latent, table: [1]}", 4,
      "signal needs exactly one of change, trajectory, table"
    ),
    Wrong(
      "@signal: {change: latent, weight: none}", 4,
      "signal has no key 'weight'; known are change, from, norm, over, rate"
    ),
    Wrong(
      "@signal: {change: latent, from: last}", 4,
      "signal.from is 'last'; it takes one of previous, computed"
    ),
    Wrong(
      "@signal: {change: latnt}", 4,
      "signal.change is 'latnt'; it takes \(Quantity.allowed)"
    ),
    Wrong("@signal: {change: latent - }", 4, "signal.change is 'latent -'; it takes \(Quantity.allowed)"),
    Wrong(
      "@signal: {change: latent, over: {sise: output}}", 4,
      "signal.over has no key 'sise' (did you mean 'size'?); known are size"
    ),
    Wrong("@signal: {change: latent, rate: {of: output}}", 4, "signal.rate needs to: \(Quantity.allowed)"),
    Wrong(
      "@signal: {trajectory: curvture}", 4,
      "signal.trajectory is 'curvture' (did you mean 'curvature'?); it takes one of speed, acceleration, curvature, drift"
    ),
    Wrong("@signal: {table: []}", 4, "signal.table is empty"),
    Wrong("@signal: {table: [1, x]}", 4, "signal.table[1] is 'x'; it takes a number"),
    Wrong(
      "@station: latent\nsignal: {change: modulated}", 4,
      "station is latent, but the signal is known only from modulated on"
    ),
    Wrong("@coupling: both", 4, "coupling is 'both'; it takes one of pooled, separate, either, lead"),
    Wrong(
      "@signal: {change: latent}\ntransform: {scale: 1, polynomial: [1]}", 5,
      "transform needs exactly one of polynomial, scale"
    ),
    Wrong("@signal: {change: latent}\ntransform: {polynomial: []}", 5, "transform.polynomial is empty"),
    Wrong("@signal: {change: latent}\ntransform: scale", 5, "transform is scale, which needs its numbers"),
    Wrong(
      "@signal: {change: latent}\naccumulate: {how: none}", 5,
      "accumulate.how is 'none'; it takes one of sum, product"
    ),
    Wrong(
      "@signal: {change: latent}\naccumulate: {how: sum, includes-current: yes}", 5,
      "accumulate.includes-current is 'yes'; it takes true or false"
    ),
    Wrong(
      "rule: 1\nsite: output\npredict: groups", 3,
      "predict is 'groups', which needs by, quantiles and predictors"
    ),
    Wrong(
      "rule: 1\nsite: output\npredict: {taylor: {ordr: 1}}", 3,
      "predict.taylor has no key 'ordr' (did you mean 'order'?); known are order, first-enhance"
    ),
    Wrong("rule: 1\nsite: output\npredict: {hold: 1}", 3, "hold has no settings; write predict: hold"),
    Wrong(
      "rule: 1\nsite: output\npredict: {groups: {quantiles: [0.5], predictors: [hold]}}", 3,
      "predict.groups.predictors has 1 entries; 1 quantiles make 2 groups"
    ),
    Wrong(
      "rule: 1\nsite: output\npredict: {groups: {quantiles: [0.5, 0.2], predictors: [hold]}}", 3,
      "predict.groups.quantiles must be 1 to 254 numbers in ascending order"
    ),
    Wrong(
      "rule: 1\nsite: output\npredict:\n  groups:\n    quantiles: [0.5]\n    predictors: [hold, {groups: {quantiles: [0.5], predictors: [hold, hold]}}]",
      6, "predict.groups.predictors[1]: groups do not nest"
    ),
    Wrong("@guards: {budget: $b}", 4, "there is no parameter 'b'; none is declared under parameters"),
    Wrong(
      "@parameters: {budget: 1}\nguards: {budget: $budgt}", 5,
      "there is no parameter 'budgt' (did you mean 'budget'?); declared are budget"
    ),
    Wrong("@parameters: {b: 1}", 4, "the parameter b is not used; write $b where it belongs"),
    Wrong(
      "@parameters: {file: 1}", 4,
      "'file' cannot be a parameter's name; it takes small letters, digits and -, but not 'file'"
    ),
    Wrong(
      "@parameters: {B: 1}", 4,
      "'B' cannot be a parameter's name; it takes small letters, digits and -, but not 'file'"
    ),
    Wrong("@parameters: {b: {help: x}}", 4, "parameters.b needs default: a number or a word"),
    Wrong("@predict: taylor", 3, "predict is given twice"),
    Wrong("@guards: [", 5, "this is not YAML: did not find expected node content"),
    Wrong("- 1", 1, "the whole is a list; it takes keys out of \(keys)"),
  ]

  @Test("a wrong file is named with its line and what is allowed", arguments: wrongFiles)
  func wrong(file: Wrong) throws {
    try Fixture.with("rule.yaml", file.text) { path in
      expectPolicyError("\(path), line \(file.line): \(file.message)") {
        _ = try PolicyRegistry.plan("rule:file=\(path)")
      }
    }
  }
}
