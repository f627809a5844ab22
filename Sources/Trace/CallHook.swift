/// The only seam between a model and what watches or changes its calls.
///
/// A model advances the calls of one solver evaluation (its guidance branches) in lockstep. At every
/// tap it shows the tensors, one per call of the group, and the hook answers: continue, jump ahead to a later
/// tap with these tensors, or go on from here with others. Continuing always gives the plain model.
public protocol CallHook {
  /// Called before the first tap of a group of calls that are decided together.
  mutating func begin(_ group: [Call]) throws
  /// Called when every call of the group has reached `tap`. `tensors` holds one tensor per call,
  /// or a single one at `guided`, where the branches have met.
  mutating func reached(_ tap: Tap, _ tensors: [Tensor]) throws -> Passage
}

/// A hook's answer at a tap.
public enum Passage: Sendable {
  case onward
  /// Skip to a later tap with these tensors: one per call, or a single one when the target is `guided`.
  case jump(to: Tap, with: [Tensor])
  /// Go on from this tap with other tensors, one per call; nil for the calls that keep what was shown.
  ///
  /// For branches that are predicted while others of the same step are computed: the group advances in
  /// lockstep, so the network has passed the stretch for all of them.
  case replace(with: [Tensor?])
}

/// Watches nothing and changes nothing.
public struct Onward: CallHook {
  public init() {}
  public mutating func begin(_ group: [Call]) {}
  public mutating func reached(_ tap: Tap, _ tensors: [Tensor]) -> Passage { .onward }
}
