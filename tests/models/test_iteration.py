import copy

import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from ganbench.models import GAN, AuxiliaryClassifier, Fake, NonSaturating, adam, alternate, labelled_fakes, mlp
from ganbench.types import Batch


def make_gan(outputs=1):
    generator, discriminator = mlp(2, 3, hidden=8), mlp(3, outputs, hidden=8)
    optimizers = {"generator": adam(generator, 1e-2), "discriminator": adam(discriminator, 1e-2)}
    return GAN(generator, discriminator, latent_dim=2, optimizers=optimizers)


def run(gan, batches):
    return alternate(
        gan,
        batches,
        generate=lambda batch: Fake(gan.generator(gan.sample_latents(len(batch.real)))),
        judge=lambda x, _: gan.discriminator(x),
        objective=NonSaturating(),
    )


def test_iteration_equals_the_two_updates_written_out():
    torch.manual_seed(0)
    gan = make_gan()
    by_hand, real = copy.deepcopy(gan), torch.randn(6, 3)
    torch.manual_seed(1)
    out = run(gan, iter([Batch(real)]))
    torch.manual_seed(1)
    fake = by_hand.generator(by_hand.sample_latents(6))
    on_real, on_fake = by_hand.discriminator(real), by_hand.discriminator(fake.detach())
    loss_d = bce(on_real, torch.ones_like(on_real)) + bce(on_fake, torch.zeros_like(on_fake))
    loss_d.backward()
    gradients = [p.grad.clone() for p in by_hand.discriminator.parameters()]
    by_hand.optimizers["discriminator"].step()
    loss_g = bce(by_hand.discriminator(fake), torch.ones_like(on_fake))
    loss_g.backward()
    by_hand.optimizers["generator"].step()
    for mine, theirs in zip(gan.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)
    for parameter, gradient in zip(gan.discriminator.parameters(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)  # its own update's, nothing from the generator's
    torch.testing.assert_close(out["loss_d"], loss_d.detach())
    torch.testing.assert_close(out["loss_g"], loss_g.detach())
    torch.testing.assert_close(out["real_logits"], on_real.detach())
    torch.testing.assert_close(out["fake_logits"], on_fake.detach())


def test_outputs_hold_no_graph_and_one_batch_is_taken():
    batches = iter([Batch(torch.randn(4, 3)) for _ in range(2)])
    out = run(make_gan(), batches)
    assert set(out) == {"loss_d", "loss_g", "real_logits", "fake_logits"}
    assert not any(value.requires_grad for value in out.values())
    assert len(list(batches)) == 1


def test_terms_are_reported_one_by_one_and_sum_to_the_loss():
    gan = make_gan(outputs=5)
    seen = []

    def judge(samples, labels):
        seen.append(labels)
        output = gan.discriminator(samples)
        return output[:, 0], output[:, 1:]

    labels = torch.tensor([0, 1, 2, 3])
    out = alternate(
        gan,
        iter([Batch(torch.randn(4, 3), labels)]),
        generate=lambda batch: Fake(gan.generator(gan.sample_latents(4)), batch.labels),
        judge=judge,
        objective=AuxiliaryClassifier(),
    )
    for loss in ("loss_d", "loss_g"):
        torch.testing.assert_close(out[loss], out[f"{loss}_source"] + out[f"{loss}_class"])
    assert out["fake_logits"].shape == (4,)
    assert all(each is labels for each in seen)
    assert len(seen) == 3


def test_labelled_fakes_copy_the_labels_of_the_batch():
    gan = GAN(latent_dim=2)
    gan.generator = lambda latents, labels: latents * labels[:, None]  # not a module: set aside as a plain attribute
    fake = labelled_fakes(gan, Batch(torch.zeros(3, 2), torch.tensor([0, 0, 5])))
    assert fake.labels.tolist() == [0, 0, 5]
    assert fake.samples.shape == (3, 2)
    assert fake.samples[:2].abs().sum() == 0
