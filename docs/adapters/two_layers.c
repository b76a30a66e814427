/* Gradients of a network with one hidden layer, samples in rows. */
#include <math.h>
#include <stdlib.h>

void gradients(int n, int d, int m, int c, double lambda, const double *X, const long *y,
               const double *W1, const double *b1, const double *W2, const double *b2,
               double *dW1, double *db1, double *dW2, double *db2)
{
    double *x = malloc(m * sizeof *x), *p = malloc(c * sizeof *p);
    for (int i = 0; i < m * d; i++) dW1[i] = 2 * lambda * W1[i];
    for (int i = 0; i < c * m; i++) dW2[i] = 2 * lambda * W2[i];
    for (int j = 0; j < m; j++) db1[j] = 0;
    for (int j = 0; j < c; j++) db2[j] = 0;
    for (int i = 0; i < n; i++) {
        double total = 0;
        for (int j = 0; j < m; j++) {
            double s = b1[j];
            for (int k = 0; k < d; k++) s += W1[j * d + k] * X[i * d + k];
            x[j] = s > 0 ? s : 0;
        }
        for (int j = 0; j < c; j++) {
            double s = b2[j];
            for (int k = 0; k < m; k++) s += W2[j * m + k] * x[k];
            total += p[j] = exp(s);
        }
        for (int j = 0; j < c; j++) {
            p[j] = (p[j] / total - (j == y[i])) / n; /* now d loss / d s */
            db2[j] += p[j];
            for (int k = 0; k < m; k++) dW2[j * m + k] += p[j] * x[k];
        }
        for (int k = 0; k < m; k++) {
            double g = 0;
            for (int j = 0; j < c; j++) g += p[j] * W2[j * m + k];
            if (x[k] <= 0) continue;
            db1[k] += g;
            for (int l = 0; l < d; l++) dW1[k * d + l] += g * X[i * d + l];
        }
    }
    free(x);
    free(p);
}
